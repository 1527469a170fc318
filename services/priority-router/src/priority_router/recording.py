"""What happened to the queues: the journal says in which order and when, the topics say what."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from backorder_runtime import queries
from backorder_runtime.bundle import unpack
from backorder_runtime.consumer import started, to_record
from backorder_runtime.database import Conn
from backorder_runtime.record import Record
from backorder_runtime.settings import KafkaSettings, aiokafka_options
from priority_router import journal
from priority_router.domain.events import Event, TimerRang
from priority_router.domain.order import BackOrder
from priority_router.domain.policy import Policy
from priority_router.inputs import TOPICS, read
from priority_router.policy_file import default_text, read_policy
from priority_router.replay import Batch, Replay, Took
from priority_router.repository import LaneState, StoredLane

_SQL = queries.load("priority_router", "recording.sql")
_lane = msgspec.msgpack.Decoder(LaneState)
_order = msgspec.msgpack.Decoder(BackOrder)
_ROWS = 500


class NotRecorded(Exception):
    """The recording does not reach as far back; the message says how far it does."""


@dataclass(frozen=True, slots=True)
class Start:
    """Where a replay begins: a checkpoint, and the shards there are now."""

    checkpoint: int
    at: datetime
    shards: Sequence[int]


async def start(conn: Conn, since: datetime | None) -> Start:
    """The newest checkpoint before a moment; the oldest one without a moment. Raises `NotRecorded`."""
    row = await conn.fetchrow(_SQL["start"], since)
    if row is None:
        oldest = await conn.fetchval(_SQL["oldest"])
        known = f"the recording begins {oldest:%Y-%m-%d %H:%M:%S} UTC" if oldest else "nothing is recorded yet"
        raise NotRecorded(f"{known}; choose a later time, or start")
    shards = [each["shard"] for each in await conn.fetch(_SQL["shards"])]
    return Start(row["checkpoint"], row["at"], shards)


async def policies(conn: Conn) -> dict[str, Policy]:
    """Every policy that a lane stood by."""
    default = read_policy(default_text())
    known = {row["version"]: read_policy(row["text"]) for row in await conn.fetch(_SQL["policies"])}
    return {default.version: default} | known


async def restored(conn: Conn, begin: Start, shard: int, known: dict[str, Policy]) -> Replay:
    """The queues of a shard as the checkpoint has them."""
    orders: dict[str, list[BackOrder]] = {}
    for lane, state in await conn.fetch(_SQL["checkpoint_back_orders"], begin.checkpoint, shard):
        orders.setdefault(lane, []).append(_order.decode(state))
    replay = Replay(known)
    for lane, version, state in await conn.fetch(_SQL["checkpoint_lanes"], begin.checkpoint, shard):
        replay.restore(StoredLane(lane, version, _lane.decode(state)), orders.get(lane, ()))
    return replay


async def batches(conn: Conn, kafka: KafkaSettings, begin: Start, shard: int) -> AsyncIterator[Batch]:
    """What happened to a shard since the checkpoint. Raises `NotRecorded` when a topic has forgotten a part of it."""
    position = await conn.fetchval(_SQL["position"], begin.checkpoint, shard) or 0
    log: _Log | None = None
    try:
        while rows := await conn.fetch(_SQL["journal"], shard, position, _ROWS):
            position = rows[-1]["position"]
            entries = [(row["at"], journal.decode(row["entry"])) for row in rows]
            if log is None:
                log = await _Log.open(kafka, shard)
            await log.need(journal.offsets([entry for _, entry in entries]))
            for at, entry in entries:
                yield Batch(at, [step async for step in _inputs(log, entry)], entry.born, entry.found)
    finally:
        if log is not None:
            await log.close()


async def _inputs(log: "_Log", entry: journal.Entry) -> AsyncIterator[tuple[str, Event | Took]]:
    for step in entry.steps:
        match step:
            case journal.Run():
                for offset in range(step.first, step.first + step.count):
                    yield await log.read(TOPICS[step.topic], offset, None)
            case journal.Part():
                for index in range(step.first, step.first + step.count):
                    yield await log.read(TOPICS[step.topic], step.offset, index)
            case journal.Rang():
                yield step.lane, TimerRang(step.key, step.due_at)
            case journal.Took():
                yield step.lane, Took(step.version)


class _Log:
    """The input topics of one shard, read once, forward; what was read too early is kept until it is asked for."""

    def __init__(self, consumer: Any, shard: int) -> None:
        self._consumer = consumer
        self._places = {topic: TopicPartition(topic, shard) for topic in TOPICS}
        self._next: dict[str, int] = {}
        self._early: dict[tuple[str, int, int | None], tuple[str, Event]] = {}

    @classmethod
    async def open(cls, kafka: KafkaSettings, shard: int) -> "_Log":
        consumer: Any = AIOKafkaConsumer(
            **aiokafka_options(kafka), enable_auto_commit=False, isolation_level="read_committed"
        )
        await started(consumer)
        log = cls(consumer, shard)
        consumer.assign(list(log._places.values()))
        return log

    async def need(self, first: dict[str, int]) -> None:
        """Begin each topic at the first offset that is needed of it."""
        for topic, offset in first.items():
            if topic in self._next:
                continue
            place = self._places[topic]
            held = (await self._consumer.beginning_offsets([place]))[place]
            if offset < held:
                raise NotRecorded(f"{topic} has forgotten what happened first; choose a later time")
            self._consumer.seek(place, offset)
            self._next[topic] = offset

    async def read(self, topic: str, offset: int, index: int | None) -> tuple[str, Event]:
        """The lane and the input of a record, or of one message of it."""
        while (found := self._early.pop((topic, offset, index), None)) is None:
            if self._next[topic] > offset:
                raise NotRecorded(f"{topic} no longer has record {offset}")
            await self._read_on(topic)
        return found

    async def _read_on(self, topic: str) -> None:
        for records in (await self._consumer.getmany(self._places[topic], timeout_ms=1_000)).values():
            for item in records:
                self._next[topic] = item.offset + 1
                for index, found in _read(to_record(item)):
                    self._early[topic, item.offset, index] = found

    async def close(self) -> None:
        await self._consumer.stop()


def _read(record: Record) -> Iterator[tuple[int | None, tuple[str, Event]]]:
    """What a record says, by message; nothing of what was refused then, and never decided about."""
    with suppress(msgspec.DecodeError):
        for message in unpack(record):
            with suppress(msgspec.DecodeError, UnicodeDecodeError, ValueError):
                if (found := read(message)) is not None:
                    yield message.index, found
