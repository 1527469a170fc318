"""Reads what the system publishes while it is attacked: the newest states, and the answers to probes."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from e2e_support.warehouse import Key

TOPICS = ("back-order-state", "supply", "notification-outcome")
PROBE_CUSTOMER = "C-PROBE"
PROBE = "PROBE-"  # how the parts of probes begin, and their orders
_ENDED = {"completed", "cancelled", "rerouted"}


@dataclass(frozen=True)
class Probe:
    """An order for one unit in a lane of each shard, and the version of the stock that was counted there."""

    order_id: str
    versions: dict[str, int]  # by lane; the n-th is that of line n


class Watch:
    """What was read so far.

    Attributes:
        released: of each order line, the units that may leave or left.
        open: the newest state of each back order that has a place in the queue and has not ended; of probes none.
    """

    def __init__(self) -> None:
        self.released: dict[Key, int] = {}
        self.open: dict[str, dict[str, Any]] = {}
        self._version: Counter[str] = Counter()
        self._opened: dict[Key, str] = {}
        self._ranked: set[Key] = set()
        self._told: set[str] = set()
        self._positioned: Counter[str] = Counter()
        self._read = asyncio.Condition()

    async def follow(self, kafka: str, partitions: int) -> None:
        """Read until cancelled; an outage of the brokers is waited out."""
        consumer: Any = AIOKafkaConsumer(
            bootstrap_servers=kafka, auto_offset_reset="earliest", enable_auto_commit=False, metadata_max_age_ms=5_000
        )
        consumer.assign([TopicPartition(topic, n) for topic in TOPICS for n in range(partitions)])
        await consumer.start()
        try:
            while True:
                with suppress(KafkaError):
                    fetched = await consumer.getmany(timeout_ms=200)
                    for place, records in fetched.items():
                        for record in records:
                            self._take(place.topic, record)
                    if fetched:
                        async with self._read:
                            self._read.notify_all()
        finally:
            await consumer.stop()

    async def answered(self, probe: Probe, *, opened_only: bool = False) -> float:
        """Wait until each line of a probe was answered; returns when (monotonic).

        Answered by the back order that is opened; and, unless `opened_only`, by its place in the queue, by the word to
        its customer, and by the stock that was counted: so each service has done its part, in each shard.
        """
        waiting: Callable[[], bool] = lambda: self._opens(probe) and (opened_only or self.left(probe) == "")  # noqa: E731
        async with self._read:
            await self._read.wait_for(waiting)
        return time.monotonic()

    def left(self, probe: Probe) -> str:
        """What has not been answered yet."""
        keys = self._keys(probe)
        missing = {
            "opened": sum(key not in self._opened for key in keys),
            "ranked": sum(key not in self._ranked for key in keys),
            "told": sum(self._opened.get(key) not in self._told for key in keys),
            "positioned": sum(self._positioned[lane] < version for lane, version in probe.versions.items()),
        }
        return ", ".join(f"{count} not {what}" for what, count in missing.items() if count)

    def _opens(self, probe: Probe) -> bool:
        return all(key in self._opened for key in self._keys(probe))

    @staticmethod
    def _keys(probe: Probe) -> list[Key]:
        return [(probe.order_id, str(n)) for n in range(1, len(probe.versions) + 1)]

    def _take(self, topic: str, record: Any) -> None:
        value = json.loads(record.value)
        match topic:
            case "back-order-state":
                self._state(value, record)
            case "notification-outcome":
                if value["recipient"] == PROBE_CUSTOMER:
                    self._told.add(value["event_id"])
            case _:
                lane = f"{value['part_id']}@{value['location_id']}"
                if lane.startswith(PROBE) and "version" in value:
                    self._positioned[lane] = max(self._positioned[lane], value["version"])

    def _state(self, state: dict[str, Any], record: Any) -> None:
        key, name = (state["order_id"], state["line_id"]), state["back_order_id"]
        if state["version"] <= self._version[name]:
            return
        self._version[name] = state["version"]
        quantity = state["quantity"]
        self.released[key] = quantity["released"] + quantity["shipped"]
        if state["part_id"].startswith(PROBE):
            if state["version"] == 1:
                self._opened[key] = dict(record.headers)["ce_id"].decode()
            else:
                self._ranked.add(key)
        elif state["status"] in _ENDED:
            self.open.pop(name, None)
        elif state["version"] > 1:  # until then a command would be about a back order that the queue does not know
            self.open[name] = state
