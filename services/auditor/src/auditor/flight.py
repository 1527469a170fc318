"""Which lanes have messages under way between the ledgers: their numbers need not agree yet.

At the moment of the snapshot a message is in the outbox of its sender, or beyond the place of its reader in the
topic, or kept beside a parked lane. What is sent after that moment may be seen too: that only leaves out more.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from aiokafka import AIOKafkaConsumer, TopicPartition
from msgspec import DecodeError

from auditor.settings import AuditSettings
from backorder_runtime import queries
from backorder_runtime.bundle import lanes_of
from backorder_runtime.consumer import first_and_end, started, up_to
from backorder_runtime.database import Conn
from backorder_runtime.outbox import Event, OutboxBatch
from backorder_runtime.settings import KafkaSettings, aiokafka_options

TOPICS = ("back-order-queue", "back-order-need")
_SQL = queries.load("auditor")
_BATCHES_AT_ONCE = 50
_RECORDS_AT_ONCE = 5_000


@dataclass(slots=True)
class Flight:
    """Lanes with messages under way; of these shards, all lanes: so many messages that nobody read them."""

    lanes: set[str] = field(default_factory=set)
    shards: set[int] = field(default_factory=set)

    def has(self, lane: str, shard: int) -> bool:
        """Whether the lane is to be left out."""
        return lane in self.lanes or shard in self.shards


async def in_flight(conn: Conn, kafka: KafkaSettings, settings: AuditSettings) -> Flight:
    """What is under way at the snapshot of the transaction that `conn` is in.

    Raises what the database and the broker raise.
    """
    flight = Flight()
    rows = await conn.fetch(_SQL["places"])  # takes the snapshot, so it comes before the ends of the topics
    flight.lanes.update(row["lane"] for row in await conn.fetch(_SQL["parked"]))
    await _outboxes(conn, flight)
    places = {TopicPartition(row["topic"], row["shard"]): int(row["next_offset"]) for row in rows}
    await _topics(kafka, settings, places, flight)
    return flight


async def _outboxes(conn: Conn, flight: Flight) -> None:
    cursor = await conn.cursor(_SQL["outbox"])
    while rows := await cursor.fetch(_BATCHES_AT_ONCE):
        for first, decided_at, payload in rows:
            for entry in OutboxBatch.of(first, decided_at, payload).entries:
                if isinstance(entry, Event) and entry.topic in TOPICS:
                    flight.lanes.update(lanes_of(entry.value))


async def _topics(
    kafka: KafkaSettings, settings: AuditSettings, places: Mapping[TopicPartition, int], flight: Flight
) -> None:
    """The lanes of what stands in the topics between the place of the reader and the end."""
    consumer = AIOKafkaConsumer(
        **aiokafka_options(kafka),
        enable_auto_commit=False,
        auto_offset_reset="none",
        isolation_level="read_committed",
    )
    await started(consumer)
    try:
        everywhere = [TopicPartition(topic, number) for topic in TOPICS for number in range(kafka.partitions)]
        consumer.assign(everywhere)
        left: dict[TopicPartition, int] = {}
        starts: dict[TopicPartition, int] = {}
        for place, (first, end) in (await first_and_end(consumer, everywhere)).items():
            starts[place] = max(first, places.get(place, 0))
            if end - starts[place] > settings.backlog:
                flight.shards.add(place.partition)
            elif end > starts[place]:
                left[place] = end
        consumer.assign(list(left))
        for place in left:
            consumer.seek(place, starts[place])
        try:
            await asyncio.wait_for(_read(consumer, left, flight), settings.patience)
        except TimeoutError:
            flight.shards.update(place.partition for place in left)
    finally:
        await consumer.stop()


async def _read(consumer: AIOKafkaConsumer, left: dict[TopicPartition, int], flight: Flight) -> None:
    """Read up to the ends that are `left`; what was read whole is taken out of it."""
    async for records in up_to(consumer, left, _RECORDS_AT_ONCE):
        for record in records:
            _take(record.value, record.partition, flight)


def _take(value: bytes | None, shard: int, flight: Flight) -> None:
    try:
        flight.lanes.update(lanes_of(value))
    except DecodeError:  # nobody of ours wrote this, so it may stand for any lane
        flight.shards.add(shard)
