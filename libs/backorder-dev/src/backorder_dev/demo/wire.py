"""The demo's hands and eyes on the broker: a producer, a consumer of everything published, a reader of offsets."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord

from backorder_contracts.topics import TOPICS
from backorder_dev.demo.records import Event, Publication, Sent
from backorder_dev.demo.tide import WATCHER, Place, Snapshot, groups

PUBLISHED = tuple(name for name, topic in TOPICS.items() if topic.direction == "out" and name != "back-order-policy")
"""The topics that the demo watches: everything that the services publish for people outside."""

_DEAD_LETTER = "dlq-"
_SNAPSHOT_EVERY = 0.25
_JUST_BEFORE = 0.001


class Upstream:
    """Publishes what the business has to say, and notes where the broker put it."""

    def __init__(self, bootstrap_servers: str) -> None:
        self._producer = AIOKafkaProducer(
            bootstrap_servers=bootstrap_servers, enable_idempotence=True, acks="all", linger_ms=2
        )
        self.sent: list[Sent] = []
        self.sent_at: dict[str, float] = {}
        self._busy_since: float | None = None

    @property
    def published_until(self) -> float:
        """Until when all that was to be published is with the broker."""
        return time.time() if self._busy_since is None else self._busy_since

    async def __aenter__(self) -> Self:
        await self._producer.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._producer.stop()

    async def publish(self, records: Sequence[Publication], decided_at: float) -> None:
        """Send records in order; returns when the broker has them all.

        Args:
            records: what was decided to be published.
            decided_at: when, in seconds since the epoch; no later than now.
        """
        if not records:
            return
        self._busy_since = decided_at - _JUST_BEFORE
        await self._send(records)
        self._busy_since = None

    async def _send(self, records: Sequence[Publication]) -> None:
        pending = []
        for record in records:
            at = time.time()
            self.sent_at.setdefault(record.cause_id, at)
            taken = await self._producer.send(
                record.topic, value=record.value, key=record.key.encode(), headers=list(record.headers)
            )
            pending.append((record, at, taken))
        for record, at, taken in pending:
            place = await taken
            self.sent.append(Sent(record, place.partition, place.offset, at))


class Watch:
    """Reads everything that is published, from the beginning, and hands it on record by record."""

    def __init__(self, bootstrap_servers: str, hear: Callable[[Event], None]) -> None:
        self._hear = hear
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=bootstrap_servers,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            isolation_level="read_committed",
            fetch_max_wait_ms=50,
        )
        self._positions: dict[Place, int] = {}
        self.last_news_at = time.time()

    async def __aenter__(self) -> Self:
        await self._consumer.start()
        places = [
            TopicPartition(topic, partition)
            for topic in PUBLISHED
            for partition in sorted(self._consumer.partitions_for_topic(topic) or await self._partitions(topic))
        ]
        self._consumer.assign(places)
        self._positions = {(place.topic, place.partition): 0 for place in places}
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._consumer.stop()

    async def _partitions(self, topic: str) -> set[int]:
        await self._consumer._client.set_topics(PUBLISHED)  # noqa: SLF001 - it has no public way to ask before `assign`
        return self._consumer.partitions_for_topic(topic) or set()

    @property
    def positions(self) -> dict[Place, int]:
        """How far each partition has been read."""
        return dict(self._positions)

    async def run(self) -> None:
        """Read until cancelled."""
        while True:
            fetched = await self._consumer.getmany(timeout_ms=200, max_records=2_000)
            now = time.time()
            for place, records in fetched.items():
                for record in records:
                    self._hear(to_event(record, now))
                self._positions[place.topic, place.partition] = records[-1].offset + 1
                self.last_news_at = now


class Gauge:
    """Reads ends of logs and the places of the groups, several times a second."""

    def __init__(
        self,
        bootstrap_servers: str,
        positions: Callable[[], dict[Place, int]],
        published_until: Callable[[], float],
    ) -> None:
        self._positions = positions
        self._published_until = published_until
        self._consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap_servers, enable_auto_commit=False)
        self._admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers)
        self._places: list[TopicPartition] = []

    async def __aenter__(self) -> Self:
        await self._consumer.start()
        await self._admin.start()
        topics = {topic for topics in groups().values() for topic in topics}
        described = await self._admin.describe_topics(sorted(topics))
        self._places = [
            TopicPartition(topic["topic"], partition["partition"])
            for topic in described
            for partition in topic["partitions"]
        ]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._consumer.stop()
        await self._admin.close()

    async def run(self, feed: Callable[[Snapshot], None]) -> None:
        """Feed snapshots until cancelled; while the broker is away there are none."""
        while True:
            try:
                feed(await self.snapshot())
            except (KafkaError, OSError, TimeoutError):
                await asyncio.sleep(_SNAPSHOT_EVERY)
            await asyncio.sleep(_SNAPSHOT_EVERY)

    async def snapshot(self) -> Snapshot:
        """Read the ends first, so that whoever has read that far has read all of it."""
        at, published_until = time.time(), self._published_until()
        ends = await self._consumer.end_offsets(self._places)
        names = list(groups())
        answers = await asyncio.gather(*(self._admin.list_consumer_group_offsets(name) for name in names))
        read = {
            name: {(place.topic, place.partition): committed.offset for place, committed in answer.items()}
            for name, answer in zip(names, answers, strict=True)
        }
        return Snapshot(
            at,
            published_until,
            {(place.topic, place.partition): end for place, end in ends.items()},
            {**read, WATCHER: self._positions()},
        )


def to_event(record: ConsumerRecord, seen_at: float) -> Event:
    """A record in the demo's words."""
    headers = {name: (value or b"").decode("utf-8", "replace") for name, value in record.headers}
    return Event(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        type=headers.get("ce_type", ""),
        id=headers.get("ce_id", ""),
        key=(record.key or b"").decode("utf-8", "replace"),
        data=_data(record.value),
        seen_at=seen_at,
        letter={
            name.removeprefix(_DEAD_LETTER): value for name, value in headers.items() if name.startswith(_DEAD_LETTER)
        },
    )


def _data(value: bytes | None) -> dict[str, Any] | None:
    if value is None:
        return None
    try:
        data = msgspec.json.decode(value)
    except msgspec.DecodeError:
        return {}
    return data if isinstance(data, dict) else {}
