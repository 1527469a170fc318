"""Taking a shard from whoever had it, and finding out where it stands."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from asyncpg import Pool

from backorder_runtime import consumer as kafka
from backorder_runtime import store
from backorder_runtime.outbox import OutboxBatch


@dataclass(frozen=True, slots=True)
class Taken:
    """A claim, the batches that nobody has confirmed yet, and the lanes that are stopped."""

    claim: store.Claim
    unsent: list[OutboxBatch]
    parked: set[str]


async def take(
    consumer: AIOKafkaConsumer, pool: "Pool[Any]", service: str, owner: str, places: Sequence[TopicPartition]
) -> Taken:
    """Claim the shard of these partitions, one of each input. Raises `LogChanged` when a log lacks its next record."""
    number = places[0].partition
    logs = await kafka.first_and_end(consumer, places)
    async with pool.acquire() as conn:
        claim = await store.claim(conn, number, owner, {place.topic: first for place, (first, _) in logs.items()})
        unsent = await store.unsent(conn, number, claim.sent_sequence)
        parked = await store.parked_lanes(conn, number)
    # again: until the claim, the owner before us went on
    for place, (first, end) in (await kafka.first_and_end(consumer, places)).items():
        kafka.check_log(service, place, claim.places[place.topic].next_offset, first, end)
    return Taken(claim, unsent, parked)
