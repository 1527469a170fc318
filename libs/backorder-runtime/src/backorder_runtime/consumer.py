"""The broker's side of reading: aiokafka with the guards that its rebalancing needs.

aiokafka goes on fetching before `on_partitions_assigned` has run, from offsets we do not want. So the
listener pauses what was assigned as its very first, synchronous act; partitions are resumed by whoever has
claimed and sought them.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import NoOffsetForPartitionError
from aiokafka.structs import ConsumerRecord

from backorder_runtime import header_names
from backorder_runtime.record import Record
from backorder_runtime.settings import KafkaSettings, aiokafka_options

header_names.install()

Partitions = frozenset[TopicPartition]


def new_consumer(kafka: KafkaSettings, group: str, *, offset_reset: str) -> AIOKafkaConsumer:
    """A consumer that commits nothing by itself; same-numbered partitions of its topics stay together."""
    return AIOKafkaConsumer(
        **aiokafka_options(kafka),
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset=offset_reset,
        isolation_level="read_committed",
        partition_assignment_strategy=(RangePartitionAssignor,),
        session_timeout_ms=kafka.session_timeout_ms,
        heartbeat_interval_ms=max(200, kafka.session_timeout_ms // 6),
        max_partition_fetch_bytes=4 * 1024 * 1024,
        # a partition that is not part of the fetch under way waits until that ends
        fetch_max_wait_ms=25,
    )


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
    consumer: AIOKafkaConsumer, partitions: Sequence[TopicPartition], timeout: float, most: int
) -> list[Record]:
    """What has arrived in these partitions, at most `most` records, waiting `timeout` seconds for the first.

    Raises OffsetOutOfRangeError when the log no longer has what we need.
    """
    try:
        fetched = await consumer.getmany(*partitions, timeout_ms=int(timeout * 1000), max_records=most)
    except NoOffsetForPartitionError:
        return []  # from before the seek: the group has no offset, the database has
    return [to_record(item) for items in fetched.values() for item in items]


def to_record(item: ConsumerRecord) -> Record:
    """A record without its client library."""
    return Record(item.topic, item.partition, item.offset, item.key, item.value, tuple(item.headers), item.timestamp)


async def first_and_end(
    consumer: AIOKafkaConsumer, partitions: Sequence[TopicPartition]
) -> dict[TopicPartition, tuple[int, int]]:
    """The first offset that a partition still has, and the one that its next record will get."""
    first, end = await asyncio.gather(
        consumer.beginning_offsets(list(partitions)), consumer.end_offsets(list(partitions))
    )
    return {place: (first[place], end[place]) for place in partitions}
