"""Holds what a service has published against what its database knows of it.

A restore, or a failover to a standby that lacked something, sets the database back; the log keeps what was published
after that. The service would give its numbers once more, to something else, and readers would drop that as repeated.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import stamina
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from asyncpg import Pool

from backorder_contracts.topics import TOPICS
from backorder_runtime import store
from backorder_runtime.consumer import first_and_end, started, to_record, up_to
from backorder_runtime.outbox import source_of
from backorder_runtime.permissions import stop_if_denied
from backorder_runtime.record import Record
from backorder_runtime.settings import KafkaSettings, aiokafka_options

_TAIL = 50  # records of a partition
_PATIENCE = 60.0  # seconds
_WHAT_TO_DO = (
    "It was restored, or a failover lost what it had committed. Nothing was read. Stop all services and do what "
    "docs/runbooks says under `Restoring the database`: `backorder database restored` has them all go on together. A "
    "database that was made anew, and is no copy, needs topics made anew."
)


class PastLost(Exception):
    """The database is older than what the service has published; the message says what to do."""


async def check(service: str, outputs: Iterable[str], kafka: KafkaSettings, pool: "Pool[Any]") -> None:
    """Raise `PastLost` when the service has published what its database does not know of.

    It reads the ends of the topics that shards write to. Waits up to a minute for a broker that is away.
    """
    topics = [name for name in outputs if TOPICS[name].partitions == "lane"]
    places = [TopicPartition(topic, number) for topic in topics for number in range(kafka.partitions)]
    records: Sequence[Record] = ()
    async for attempt in stamina.retry_context(on=_may_pass, attempts=None, timeout=_PATIENCE, wait_max=2):
        with attempt:
            records = await _ends(kafka, places)
    # only now: what others publish meanwhile they have committed before, so what was read is known by now
    async with pool.acquire() as conn:
        check_known(service, records, await store.last_sequences(conn))


def check_known(service: str, records: Iterable[Record], known: Mapping[int, int]) -> None:
    """Raise `PastLost` when one of these records has a number that its shard of the service has not given yet.

    `known` is the last number that each shard has given.
    """
    ours = source_of(service, "")
    for record in records:
        source, number = record.header("ce_source") or "", record.header("ce_sequence") or ""
        shard = source.removeprefix(ours)
        if not source.startswith(ours) or not shard.isdecimal() or not number.isdecimal():
            continue
        if int(number) > (last := known.get(int(shard), 0)):
            raise PastLost(
                f"the database of {service} is older than what {service} has published: it knows of shard {shard} "
                f"up to number {last}, but {record.topic}[{record.partition}] has {number} at offset "
                f"{record.offset}. {_WHAT_TO_DO}"
            )


def check_claim(service: str, shard: int, next_sequence: int, was: int) -> None:
    """Raise `PastLost` when a shard is to go on with a lower number than when this process had it."""
    if next_sequence < was:
        raise PastLost(
            f"the database of {service} is older than it was: shard {shard} was to go on with number {was}, and now "
            f"with {next_sequence}. {_WHAT_TO_DO}"
        )


def _may_pass(error: Exception) -> bool:
    stop_if_denied(error)
    return isinstance(error, KafkaError)


async def _ends(kafka: KafkaSettings, places: Sequence[TopicPartition]) -> list[Record]:
    """The last records of these partitions. Raises KafkaError."""
    consumer = AIOKafkaConsumer(**aiokafka_options(kafka), enable_auto_commit=False, auto_offset_reset="none")
    await started(consumer)
    try:
        logs = await first_and_end(consumer, places)
        left = {place: end for place, (first, end) in logs.items() if first < end}
        consumer.assign(list(left))
        for place, end in left.items():
            consumer.seek(place, max(logs[place][0], end - _TAIL))
        return [to_record(record) async for records in up_to(consumer, left) for record in records]
    finally:
        await consumer.stop()
