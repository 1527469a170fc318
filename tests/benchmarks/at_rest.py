"""When nothing is on its way through a system any more: all that stands in its topics is read, and all is published."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from confluent_kafka import Consumer, TopicPartition
from systems import LIMIT, System

from backorder_dev.services import ROLES

_INTAKES = {"gap-detector": ("order-placed", "order-cancelled"), "inventory-sync": ("stock-changed",)}
_READ = " UNION ALL ".join(f"SELECT topic, shard, next_offset FROM {role}.shard_input" for role in ROLES)  # noqa: S608
_KEPT = " + ".join(f"(SELECT count(*) FROM {role}.outbox)" for role in ROLES)  # noqa: S608


async def until_rest(system: System) -> None:
    """Wait until two looks in a row find nothing on its way: one may miss what goes from one place to another.

    Raises TimeoutError.
    """
    with _intakes(system) as intakes:
        looks = 0
        async with asyncio.timeout(LIMIT):
            while looks < 2:
                looks = looks + 1 if await _rests(system, intakes) else 0
                await asyncio.sleep(0.3)


@contextmanager
def _intakes(system: System) -> Iterator[dict[str, Consumer]]:
    """Who can say how far the intake of a service is; none of them reads."""
    asked = {
        name: Consumer({"bootstrap.servers": system.found.kafka, "group.id": f"backorder.{name}.intake"})
        for name in _INTAKES
    }
    try:
        yield asked
    finally:
        for consumer in asked.values():
            consumer.close()


async def _rests(system: System, intakes: dict[str, Consumer]) -> bool:
    for name, consumer in intakes.items():
        if await asyncio.to_thread(_behind, consumer, _INTAKES[name]):
            return False
    read = {(topic, shard): offset for topic, shard, offset in await system.database.fetch(_READ)}
    ends = await asyncio.to_thread(system.ends, read)
    kept = await system.database.fetchval(f"SELECT {_KEPT}")
    return not kept and all(ends[place] <= read[place] for place in read)


def _behind(intake: Consumer, topics: tuple[str, ...]) -> bool:
    """Whether something stands in these topics that has not been read."""
    known = intake.list_topics().topics
    places = [TopicPartition(topic, number) for topic in topics for number in known[topic].partitions]
    ends = [intake.get_watermark_offsets(place)[1] for place in places]
    return any(max(0, at.offset) < end for at, end in zip(intake.committed(places), ends, strict=True))
