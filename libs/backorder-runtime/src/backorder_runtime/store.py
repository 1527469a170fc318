"""The engine's SQL, one method per statement; every write happens inside the batch's transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec
import structlog
from asyncpg import LockNotAvailableError

from backorder_runtime import queries
from backorder_runtime.database import Conn
from backorder_runtime.outbox import OutboxBatch
from backorder_runtime.record import DeadLetter, Record, SetTimer, Timer

_SQL = queries.load(__package__ or "backorder_runtime")
_TIMERS_AT_ONCE = 5_000
_log = structlog.get_logger()


class Fenced(Exception):
    """Another process owns the shard, or moved it: nothing of this batch was stored."""


class Outdated(Exception):
    """What was loaded for a batch is no longer so: nothing was stored, and deciding again will see it."""


@dataclass(slots=True)
class Place:
    """Where a shard stands in one input topic; `newest_ms` is the time of the last record it took, 0 at first."""

    next_offset: int
    last_sequence: int
    newest_ms: int = 0


@dataclass(slots=True)
class Claim:
    """What a claim found: our epoch, and where the shard stands."""

    epoch: int
    next_sequence: int
    sent_sequence: int
    places: dict[str, Place]


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
    places = {topic: Place(offset, sequence) for topic, offset, sequence in inputs}
    if row is None:
        raise Fenced(f"shard {shard} cannot be claimed")
    return Claim(row["epoch"], row["next_sequence"], row["sent_sequence"], places)


async def advance(conn: Conn, shard: int, epoch: int, sent: int, steps: Mapping[str, tuple[Place, Place]]) -> None:
    """Move the shard's inputs from the first to the second place of each step. Raises `Fenced`."""
    before = [old.next_offset for old, _ in steps.values()]
    after = [new.next_offset for _, new in steps.values()]
    marks = [new.last_sequence for _, new in steps.values()]
    if not await conn.fetchval(_SQL["advance"], shard, epoch, sent, list(steps), before, after, marks):
        raise Fenced(f"shard {shard}: epoch {epoch} is over")


async def put_outbox(conn: Conn, shard: int, batch: OutboxBatch) -> None:
    """Store what a batch publishes. Raises `Fenced` when its numbers are taken."""
    row = await conn.fetchval(
        _SQL["put_outbox"],
        shard,
        batch.first_sequence,
        len(batch.entries),
        batch.decided_at,
        batch.payload(),
    )
    if row is None:
        raise Fenced(f"shard {shard}: sequence {batch.first_sequence} is taken")


async def unsent(conn: Conn, shard: int, sent: int) -> list[OutboxBatch]:
    """The committed batches that no broker has confirmed, in order."""
    rows = await conn.fetch(_SQL["unsent"], shard, sent)
    return [OutboxBatch.of(first, at, payload) for first, at, payload in rows]


async def shards_with_due(conn: Conn, shards: Sequence[int], now: datetime) -> set[int]:
    """Which of the shards have a timer that is due, or a lane to resume."""
    return {row[0] for row in await conn.fetch(_SQL["shards_with_due"], list(shards), now)}


async def take_timers(conn: Conn, shard: int, now: datetime) -> list[Timer]:
    """Take the due timers of a shard, earliest first; they are gone when the batch commits."""
    rows = await conn.fetch(_SQL["take_timers"], shard, now, _TIMERS_AT_ONCE)
    return sorted((Timer(*row) for row in rows), key=lambda timer: (timer.due_at, timer.lane, timer.key))


async def set_timers(conn: Conn, shard: int, timers: Sequence[SetTimer]) -> None:
    """Set, move and take back timers; the last word about each timer counts."""
    last = {(timer.lane, timer.key): timer.due_at for timer in timers}
    dropped = [name for name, due in last.items() if due is None]
    armed = [(lane, key, due) for (lane, key), due in last.items() if due is not None]
    if dropped:
        await conn.execute(_SQL["drop_timers"], shard, *map(list, zip(*dropped, strict=True)))
    if armed:
        await conn.execute(_SQL["set_timers"], shard, *map(list, zip(*armed, strict=True)))


async def refuse(conn: Conn, letters: Sequence[DeadLetter], now: datetime) -> list[DeadLetter]:
    """Note refused records; returns those that nobody had refused before."""
    first = {letter.origin: letter for letter in reversed(letters)}
    columns = [
        (o.topic, o.partition, o.offset, letter.reason, letter.detail)
        for o, letter in sorted(first.items(), key=lambda item: (item[0].topic, item[0].partition, item[0].offset))
    ]
    rows = await conn.fetch(_SQL["refuse"], *map(list, zip(*columns, strict=True)), now)
    fresh = {tuple(row) for row in rows}
    return [x for o, x in first.items() if (o.topic, o.partition, o.offset) in fresh]


async def parked_lanes(conn: Conn, shard: int) -> set[str]:
    """The lanes of the shard that are stopped and not asked to go on."""
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


async def take_parked(conn: Conn, shard: int) -> list[tuple[str, Record]]:
    """The kept inputs of the lanes that were asked to go on; they are no longer parked."""
    rows = await conn.fetch(_SQL["take_parked"], shard)
    return [(row["lane"], msgspec.msgpack.decode(row["record"], type=Record)) for row in rows]


async def resume_lane(conn: Conn, lane: str) -> bool:
    """Ask a stopped lane to go on. False when no such lane is stopped."""
    return await conn.fetchval(_SQL["resume_lane"], lane) is not None
