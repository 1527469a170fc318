"""How far a loop is behind: as metrics, and committed to the group, where tools look for it."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from backorder_runtime.lifecycle import cancel
from backorder_runtime.store import Place
from backorder_runtime.telemetry import LAG_RECORDS, LAG_SECONDS


async def commit(consumer: AIOKafkaConsumer, places: Mapping[TopicPartition, Place]) -> None:
    """Tell the broker where we stand."""
    with suppress(KafkaError, ValueError):
        await consumer.commit({log: place.next_offset for log, place in places.items()})


class Telling:
    """Tells the group where a loop stands, by `tell`; nobody waits for the broker's answer."""

    def __init__(self, tell: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._tell = tell
        self._telling: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Tell it now, unless the broker has not answered the last time yet."""
        if self._telling is None or self._telling.done():
            self._telling = asyncio.create_task(self._tell())

    def stop(self) -> None:
        """Wait for no answer any more."""
        if self._telling is not None:
            cancel(self._telling)


def export(consumer: AIOKafkaConsumer, places: Mapping[TopicPartition, Place], now: datetime) -> None:
    """Show how many records are behind us in each partition, and how old the newest is that we took."""
    for log, place in places.items():
        end = consumer.highwater(log)
        behind = max(0, end - place.next_offset) if end is not None else 0
        LAG_RECORDS.labels(log.topic, str(log.partition)).set(behind)
        age = now.timestamp() - place.newest_ms / 1000 if behind else 0.0
        LAG_SECONDS.labels(log.topic, str(log.partition)).set(max(0.0, age))


def forget(logs: Iterable[TopicPartition]) -> None:
    """These are for others to show now."""
    for log in logs:
        LAG_RECORDS.remove(log.topic, str(log.partition))
        LAG_SECONDS.remove(log.topic, str(log.partition))
