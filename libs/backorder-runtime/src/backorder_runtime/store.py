"""The engine's SQL, one method per statement; every write happens inside the batch's transaction."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
import structlog
from asyncpg import LockNotAvailableError

from backorder_runtime import queries
from backorder_runtime.database import Conn
from backorder_runtime.outbox import OutboxBatch
from backorder_runtime.record import DeadLetter, Record, SetTimer, Timer

_SQL = queries.load(__package__ or "backorder_runtime")
_TIMERS_AT_ONCE = 5_000
_LANES_AT_ONCE = 20
_KEPT_AT_ONCE = 250  # of a lane
_log = structlog.get_logger()


class Fenced(Exception):
    """Another process owns these shards, or moved them: nothing was stored."""

    def __init__(self, shards: Sequence[int]) -> None:
        super().__init__(f"no longer ours: shard {', '.join(map(str, shards))}")
        self.shards = shards


class Outdated(Exception):
    """What was loaded for a batch is no longer so: nothing was stored, and deciding again will see it."""


@dataclass(slots=True)
class Place:
    """Where a reader stands in a partition.

    `newest_ms` is the time of the last record that it took, at first the time since which the partition is its.
    """

    next_offset: int
    last_sequence: int
    newest_ms: int = 0


@dataclass(slots=True)
class Claim:
    """What a claim found: our epoch, where the shard stands, and by source which numbers are `void`."""

    epoch: int
    next_sequence: int
    sent_sequence: int
    places: dict[str, Place]
    void: Mapping[str, Sequence[range]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fence:
    """What a batch rests on: it commits only while the shard is in this epoch and stands at the first of each step.

    `sent` is the sequence up to which the broker has confirmed; steps lead from one place to the next by topic.
    """

    shard: int
    epoch: int
    sent: int
    steps: Mapping[str, tuple[Place, Place]]


@dataclass(frozen=True, slots=True)
class Kept:
    """An input that was kept for a parked lane; ids grow in the order in which they came."""

    id: int
    lane: str
    record: Record


@dataclass(frozen=True, slots=True)
class Resumed:
    """A parked lane that was asked to go on, with the first of what was kept for it.

    It is `whole` when that is all: then it is no longer parked. A lane that a timer stopped may have nothing kept.
    """

    lane: str
    whole: bool
    kept: list[Kept]


async def claim(conn: Conn, shard: int, owner: str, first_offsets: Mapping[str, int]) -> Claim:
    """Take the shard from whoever has it. Topics that it has never read start at their first offset.

    An owner that stands still in the middle of a batch keeps the shard locked, and is put out of it: this raises
    LockNotAvailableError then, and the next claim succeeds.
    """
    try:
        return await _claim(conn, shard, owner, first_offsets)
    except LockNotAvailableError:
        if ended := await conn.fetchval(_SQL["evict"], shard):
            _log.warning("ended the transaction of an owner that stands still", shard=shard, connections=ended)
        raise


async def _claim(conn: Conn, shard: int, owner: str, first_offsets: Mapping[str, int]) -> Claim:
    async with conn.transaction():
        await conn.execute(_SQL["be_impatient"])
        row = await conn.fetchrow(_SQL["claim"], shard, owner)
        await conn.execute(_SQL["add_inputs"], shard, list(first_offsets), list(first_offsets.values()))
        inputs = await conn.fetch(_SQL["inputs"], shard)
        void = await conn.fetch(_SQL["void_numbers"])
    places = {topic: Place(offset, sequence) for topic, offset, sequence in inputs}
    if row is None:
        raise Fenced([shard])
    return Claim(row["epoch"], row["next_sequence"], row["sent_sequence"], places, _by_source(void))


def _by_source(rows: Sequence[tuple[str, int, int]]) -> Mapping[str, Sequence[range]]:
    found: defaultdict[str, list[range]] = defaultdict(list)
    for source, first, last in rows:
        found[source].append(range(first, last + 1))
    return found


async def advance(conn: Conn, fences: Sequence[Fence]) -> None:
    """Move the inputs of shards from the first to the second place of each step. Raises `Fenced`."""
    steps = [
        (fence.shard, topic, old.next_offset, new.next_offset, new.last_sequence)
        for fence in fences
        for topic, (old, new) in fence.steps.items()
    ]
    rows = await conn.fetch(
        _SQL["advance"],
        [fence.shard for fence in fences],
        [fence.epoch for fence in fences],
        [fence.sent for fence in fences],
        *_columns(steps, 5),
    )
    moved = dict(rows)
    if lost := [fence.shard for fence in fences if moved.get(fence.shard) != len(fence.steps)]:
        raise Fenced(lost)


async def put_outbox(conn: Conn, batches: Mapping[int, OutboxBatch]) -> None:
    """Store what the batches of shards publish. Raises `Outdated` when their numbers are taken."""
    rows = [
        (shard, batch.first_sequence, len(batch.entries), batch.decided_at, batch.payload())
        for shard, batch in batches.items()
    ]
    numbered = await conn.fetch(_SQL["put_outbox"], *_columns(rows, 5))
    if len(numbered) != len(batches):
        raise Outdated(f"the numbers that shards {[*batches]} were to go on with are taken")


async def unsent(conn: Conn, shard: int, sent: int) -> list[OutboxBatch]:
    """The committed batches that no broker has confirmed, in order."""
    rows = await conn.fetch(_SQL["unsent"], shard, sent)
    return [OutboxBatch.of(first, at, payload) for first, at, payload in rows]


async def last_sequences(conn: Conn) -> Mapping[int, int]:
    """The number of the newest entry that each shard has decided to publish."""
    return dict(await conn.fetch(_SQL["last_sequences"]))


async def shards_with_due(conn: Conn, shards: Sequence[int], now: datetime) -> set[int]:
    """Which of the shards have a timer that is due, or a lane to resume."""
    return {row[0] for row in await conn.fetch(_SQL["shards_with_due"], list(shards), now)}


async def take_timers(conn: Conn, shards: Sequence[int], now: datetime) -> Mapping[int, list[Timer]]:
    """Take the due timers of shards, earliest first; they are gone when the batches commit."""
    timers: defaultdict[int, list[Timer]] = defaultdict(list)
    for shard, *timer in await conn.fetch(_SQL["take_timers"], list(shards), now, _TIMERS_AT_ONCE):
        timers[shard].append(Timer(*timer))
    for each in timers.values():
        each.sort(key=lambda timer: (timer.due_at, timer.lane, timer.key))
    return timers


async def set_timers(conn: Conn, timers: Mapping[int, Sequence[SetTimer]]) -> None:
    """Set, move and take back timers of shards; the last word about each timer counts."""
    last = {(shard, each.lane, each.key): each.due_at for shard, mine in timers.items() for each in mine}
    if dropped := [name for name, due in last.items() if due is None]:
        await conn.execute(_SQL["drop_timers"], *_columns(dropped, 3))
    if armed := [(*name, due) for name, due in last.items() if due is not None]:
        await conn.execute(_SQL["set_timers"], *_columns(armed, 4))


async def known_since(conn: Conn, topics: Iterable[str]) -> Mapping[str, datetime]:
    """Since when topics are the ones that they are: those that were made anew since the database was begun."""
    return dict(await conn.fetch(_SQL["known_since"], list(topics)))


async def refuse(conn: Conn, letters: Sequence[DeadLetter], now: datetime) -> list[DeadLetter]:
    """Note refused records; returns those that nobody had refused before."""
    if not letters:
        return []
    first = {letter.origin: letter for letter in reversed(letters)}
    columns = [
        (o.topic, o.partition, o.offset, letter.reason, letter.detail)
        for o, letter in sorted(first.items(), key=lambda item: (item[0].topic, item[0].partition, item[0].offset))
    ]
    rows = await conn.fetch(_SQL["refuse"], *map(list, zip(*columns, strict=True)), now)
    fresh = {tuple(row) for row in rows}
    return [x for o, x in first.items() if (o.topic, o.partition, o.offset) in fresh]


async def parked_lanes(conn: Conn, shard: int) -> set[str]:
    """The lanes of the shard that are stopped, those too that were asked to go on and have not yet."""
    return {row["lane"] for row in await conn.fetch(_SQL["parked"], shard)}


async def park(
    conn: Conn, shard: int, errors: Mapping[str, str], inputs: Sequence[tuple[str, Record]], now: datetime
) -> None:
    """Stop lanes, and keep inputs of stopped lanes in their order."""
    if errors:
        await conn.execute(_SQL["park"], shard, list(errors), list(errors.values()), now)
    if inputs:
        records = [msgspec.msgpack.encode(record) for _, record in inputs]
        await conn.execute(_SQL["keep_parked"], shard, [lane for lane, _ in inputs], records)


async def take_parked(conn: Conn, shards: Sequence[int]) -> Mapping[int, list[Resumed]]:
    """Lanes that were asked to go on, by shard: some of them, each with the first of its inputs.

    The inputs stay until they are `let_go`.
    """
    lanes: dict[tuple[int, str], Resumed] = {}
    for shard, lane, whole, number, record in await conn.fetch(
        _SQL["take_parked"], list(shards), _LANES_AT_ONCE, _KEPT_AT_ONCE
    ):
        resumed = lanes.setdefault((shard, lane), Resumed(lane, whole, []))
        if number is not None:
            resumed.kept.append(Kept(number, lane, msgspec.msgpack.decode(record, type=Record)))
    by_shard: defaultdict[int, list[Resumed]] = defaultdict(list)
    for (shard, _), resumed in lanes.items():
        by_shard[shard].append(resumed)
    return by_shard


async def let_go(conn: Conn, kept: Sequence[int]) -> None:
    """Remove inputs that were kept for parked lanes, and have been decided or refused."""
    await conn.execute(_SQL["let_go"], list(kept))


async def resume_lane(conn: Conn, lane: str) -> bool:
    """Ask a stopped lane to go on. False when no such lane is stopped."""
    return await conn.fetchval(_SQL["resume_lane"], lane) is not None


def _columns(rows: Sequence[tuple[Any, ...]], count: int) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(count)]
