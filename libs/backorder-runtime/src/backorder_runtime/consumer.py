"""The broker's side of reading: aiokafka with the guards that its rebalancing needs.

aiokafka goes on fetching before `on_partitions_assigned` has run, from offsets we do not want. So the
listener pauses what was assigned as its very first, synchronous act; partitions are resumed by whoever has
claimed and sought them.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import NoOffsetForPartitionError, OffsetOutOfRangeError
from aiokafka.structs import ConsumerRecord

from backorder_runtime import closed_connections, header_names
from backorder_runtime.broker import LogChanged
from backorder_runtime.lifecycle import first_of
from backorder_runtime.record import Record
from backorder_runtime.settings import KafkaSettings, aiokafka_options

header_names.install()
closed_connections.install()
_log = structlog.get_logger()

_MUCH = 1024 * 1024
PARTING = 5.0  # seconds for a last word to a broker that may be away

Partitions = frozenset[TopicPartition]


def new_consumer(kafka: KafkaSettings, group: str, *, offset_reset: str, patient: bool = False) -> AIOKafkaConsumer:
    """A consumer that commits nothing by itself; same-numbered partitions of its topics stay together.

    A `patient` one is for what is in no hurry: it fetches much at a time, and up to a second later.
    """
    return AIOKafkaConsumer(
        **aiokafka_options(kafka),
        # by this the group sorts its members, and hands out partitions in that order: who has run for longer keeps its
        # own when another comes
        client_id=f"backorder-{time.time_ns() // 1_000_000:014d}-{os.getpid()}",
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset=offset_reset,
        isolation_level="read_committed",
        partition_assignment_strategy=(RangePartitionAssignor,),
        session_timeout_ms=kafka.session_timeout_ms,
        # a member learns from its heartbeat that another left: until then nobody reads what that one had
        heartbeat_interval_ms=max(100, kafka.session_timeout_ms // 24),
        # the client leaves its group when nobody has read for so long, and comes back only when somebody reads; but we
        # do not read while the database is away. Whether the loop lives is for the heartbeat to say.
        max_poll_interval_ms=2**31 - 1,
        max_partition_fetch_bytes=4 * 1024 * 1024,
        # a partition that is not part of the fetch under way waits until that ends; shorter costs the broker more
        fetch_max_wait_ms=1_000 if patient else 100,
        fetch_min_bytes=_MUCH if patient else 1,
    )


async def started(consumer: Any) -> None:
    """Start a consumer; one that does not get through to a broker is let go of."""
    try:
        await consumer.start()
    except BaseException:
        await consumer.stop()
        raise


async def leave(consumer: AIOKafkaConsumer) -> None:
    """Leave the group, unless the broker that should be told is away."""
    await first_of(consumer.stop(), timeout=PARTING)


class PauseOnAssignment(ConsumerRebalanceListener):  # type: ignore[misc]
    """Pauses what is assigned at once, and tells the owner of the loop what came and went."""

    def __init__(
        self,
        consumer: AIOKafkaConsumer,
        assigned: Callable[[Partitions], None],
        revoked: Callable[[Partitions], None],
    ) -> None:
        self._consumer = consumer
        self._assigned = assigned
        self._revoked = revoked

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Pause first; only then may anything else run."""
        self._consumer.pause(*assigned)
        self._assigned(frozenset(assigned))

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Nothing of these may be processed any more."""
        self._revoked(frozenset(revoked))


async def poll(
    consumer: AIOKafkaConsumer, service: str, partitions: Iterable[TopicPartition], timeout: float, most: int
) -> list[Record]:
    """What has arrived in these partitions, at most `most` records, waiting `timeout` seconds for the first.

    Raises `LogChanged` when the log no longer has what the service needs, KafkaError when the client fetches no more.
    """
    _check_fetching(consumer)
    try:
        fetched = await consumer.getmany(*partitions, timeout_ms=int(timeout * 1000), max_records=most)
    except NoOffsetForPartitionError:
        return []  # from before the seek: the group has no offset, the database has
    except OffsetOutOfRangeError as error:
        raise _lost(service, error) from error
    return [to_record(item) for items in fetched.values() for item in items]


async def up_to(
    consumer: AIOKafkaConsumer, left: dict[TopicPartition, int], most: int | None = None
) -> AsyncIterator[Sequence[ConsumerRecord]]:
    """What stands before the ends that are `left`, at most so many records at a time; the consumer is at its start.

    What was read whole is taken out of `left`.
    """
    while left:
        try:
            fetched = await consumer.getmany(*left, timeout_ms=200, max_records=most)
        except NoOffsetForPartitionError:
            continue  # from before the seek
        for records in fetched.values():
            yield records
        for place in [place for place, end in left.items() if await consumer.position(place) >= end]:
            del left[place]


def _check_fetching(consumer: AIOKafkaConsumer) -> None:
    """Raise what ended the client's task that fetches: it stays in its group without it, and reads nothing for ever."""
    fetching = consumer._fetcher.error_future  # noqa: SLF001 - nothing public tells
    if fetching.done() and not fetching.cancelled():
        fetching.result()


def portions(records: Sequence[Record], most: int) -> Iterator[Sequence[Record]]:
    """Records in order, in parts of about so many bytes: a bundle is one record, however much it says."""
    start = size = 0
    for n, record in enumerate(records):
        size += len(record.value or b"")
        if size >= most:
            yield records[start : n + 1]
            start, size = n + 1, 0
    if start < len(records):
        yield records[start:]


def to_record(item: ConsumerRecord) -> Record:
    """A record without its client library."""
    return Record(item.topic, item.partition, item.offset, item.key, item.value, tuple(item.headers), item.timestamp)


async def starts(
    consumer: AIOKafkaConsumer, partitions: Iterable[TopicPartition], service: str
) -> dict[TopicPartition, int]:
    """Where a group goes on in each partition: where it stood, or at the first record if it never read there.

    Raises `LogChanged` when the log no longer has that place.
    """
    places = list(partitions)
    committed = dict(zip(places, await asyncio.gather(*map(consumer.committed, places)), strict=True))
    logs = await first_and_end(consumer, list(committed))  # afterwards: nobody can have committed beyond its end
    found = {}
    for place, at in committed.items():
        first, end = logs[place]
        if at is not None:
            check_log(service, place, at, first, end)
        elif first:
            _log.warning("no place kept, reading from the first record", topic=place.topic, partition=place.partition)
        found[place] = first if at is None else at
    return found


def check_log(service: str, place: TopicPartition, next_offset: int, first: int, end: int) -> None:
    """Raise `LogChanged` unless what is to be read next stands in the log, or is what comes there next."""
    if not first <= next_offset <= end:
        raise LogChanged(
            f"{place.topic}[{place.partition}] holds offsets {first} to {end}, but the next to process is "
            f"{next_offset}: the topic was truncated or made anew. Nothing was skipped. "
            f"{how_to_go_on(service, [place.topic])}"
        )


def _lost(service: str, error: OffsetOutOfRangeError) -> LogChanged:
    """What to raise when the broker no longer has what was to be read next."""
    (offsets,) = error.args
    places = ", ".join(f"{place.topic}[{place.partition}] at {offset}" for place, offset in offsets.items())
    return LogChanged(
        f"the log lacks records that were not processed yet: {places}. Nothing was skipped. "
        f"{how_to_go_on(service, sorted({place.topic for place in offsets}))}"
    )


def how_to_go_on(service: str, topics: Iterable[str]) -> str:
    """What people do when a topic has lost what a service had not read."""
    command = f"backorder topics accept {' '.join(topics)} --service {service}"
    return f"To go on: stop {service}, run `{command}`, start it, and have publishers send again what is missing."


async def first_and_end(
    consumer: AIOKafkaConsumer, partitions: Sequence[TopicPartition]
) -> dict[TopicPartition, tuple[int, int]]:
    """The first offset that a partition still has, and the one that its next record will get."""
    first, end = await asyncio.gather(
        consumer.beginning_offsets(list(partitions)), consumer.end_offsets(list(partitions))
    )
    return {place: (first[place], end[place]) for place in partitions}
