"""Sees to it that the last snapshot of a back order is its newest: reads them all again, and restores what is not.

What is restored is read here again, so it does not matter that a shard may publish something newer at the same moment.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError
from prometheus_client import Counter

from backorder_runtime import consumer as kafka
from backorder_runtime import database, store
from backorder_runtime.lifecycle import first_of
from backorder_runtime.outbox import Event, Stamp, Wire, rfc3339, source_of
from backorder_runtime.permissions import stop_if_denied
from backorder_runtime.record import Record
from backorder_runtime.service import Running
from priority_router import questions
from priority_router.domain.order import BackOrder
from priority_router.publish import SNAPSHOTS, snapshot
from priority_router.snapshots import Heights, version_of

RESTORED = Counter(
    "backorder_snapshots_restored", "Newest states published again, since what came last may have come late"
)
_SERVICE = "priority-router"
GROUP = f"backorder.{_SERVICE}.snapshots"
_AT_ONCE = 2_000  # records
_WAIT = 0.5  # seconds
_log = structlog.get_logger()


async def watch_snapshots(running: Running, stop: asyncio.Event) -> None:
    """Watch the partitions that the group gives this process until `stop` is set."""
    group = await _group(running, stop)
    consumer = kafka.new_consumer(running.settings.kafka, group, offset_reset="earliest", patient=True)
    watch = SnapshotWatch(running, consumer)
    try:
        await watch.join()
        while not stop.is_set():
            await first_of(watch.turn(), stop.wait())
    finally:
        await watch.leave()


async def _group(running: Running, stop: asyncio.Event) -> str:
    """The group that watches: another one since each restore of the database, so that it begins at the first record.

    What was published before that and is not known any more may be the last of its key.
    """
    while True:
        try:
            restored = await running.pool.fetchval("SELECT max(since) FROM void_number")
        except database.PASSING as error:
            stop_if_denied(error)
            if await first_of(stop.wait(), timeout=_WAIT):
                return GROUP
        else:
            return f"{GROUP}.{restored:%Y%m%d-%H%M%S}" if restored else GROUP


class SnapshotWatch:
    """One member of the group that watches. What one has read and not judged, the next reads again."""

    def __init__(self, running: Running, consumer: AIOKafkaConsumer) -> None:
        self._running = running
        self._consumer = consumer
        self._stamp = Stamp(_SERVICE, "snapshots")
        self.begin()

    def begin(self) -> None:
        """Partitions were assigned: what comes in them is judged by nothing that was known before."""
        self._heights = Heights()
        self._unjudged: Sequence[Record] = ()
        self._untold = False  # the group does not know how far we are

    async def join(self) -> None:
        """Join the group. Raises KafkaError."""
        self._consumer.subscribe(topics=[SNAPSHOTS], listener=_Assigned(self))
        await self._consumer.start()

    async def leave(self) -> None:
        """Leave the group."""
        await kafka.leave(self._consumer)

    async def turn(self) -> None:
        """Judge what has come, and tell the group; what is away is waited for.

        Raises `NotPermitted`, and what `Publisher.publish` raises.
        """
        try:
            if not self._unjudged:
                self._unjudged = await kafka.poll(self._consumer, _SERVICE, (), 1.0, _AT_ONCE)
            if self._unjudged:
                await self._judge(self._heights, self._unjudged)
                self._unjudged, self._untold = (), True
            if self._untold:
                await self._consumer.commit()
                self._untold = False
        except (*database.PASSING, KafkaError) as error:
            stop_if_denied(error)
            _log.warning("snapshots are not watched, will try again", error=repr(error))
            await asyncio.sleep(_WAIT)

    async def _judge(self, heights: Heights, records: Sequence[Record]) -> None:
        """Compare with the database what came late, and publish the newest state of what is behind it."""
        async with self._running.pool.acquire() as conn:
            if heights.decided is None:
                last = await store.last_sequences(conn)
                heights.decided = {source_of(_SERVICE, shard): number for shard, number in last.items()}
            doubtful = heights.doubtful(records)
            # a key that no text column can hold is of no back order
            newest = await questions.back_orders(conn, [key for key in doubtful if "\0" not in key]) if doubtful else {}
        behind = [(record, key) for key, record in doubtful.items() if version_of(record) != _version(newest.get(key))]
        if behind:
            _log.warning("snapshots restored", count=len(behind), back_order_id=behind[0][1])
            await self._running.publisher.publish([self._restored(record, key, newest) for record, key in behind])
            RESTORED.inc(len(behind))

    def _restored(self, record: Record, key: str, newest: Mapping[str, BackOrder]) -> Wire:
        """The newest state, or that there is none, in the place of a record that says something else."""
        order = newest.get(key)
        said = snapshot(key, order)
        event = Event(said.topic, said.key, said.type, said.value, said.subject, None, record.partition)
        name = f"{record.partition}.{record.offset}.{_version(order) or 'gone'}"
        return self._stamp.wire(event, name, rfc3339(self._running.clock()).encode())


def _version(order: BackOrder | None) -> int | None:
    return None if order is None else order.version


class _Assigned(ConsumerRebalanceListener):  # type: ignore[misc]
    def __init__(self, watch: SnapshotWatch) -> None:
        self._watch = watch

    def on_partitions_assigned(self, _assigned: Iterable[TopicPartition]) -> None:
        """Begin anew: others may have read these, and published there."""
        self._watch.begin()

    def on_partitions_revoked(self, _revoked: Iterable[TopicPartition]) -> None:
        """Whoever gets them judges them by what it knows."""
