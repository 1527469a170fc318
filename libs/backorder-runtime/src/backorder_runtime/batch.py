"""What was polled for a shard, decided: read, processed input by input, and committed, several shards at a time.

A batch's transaction moves the input offsets under the fence, stores the changed lanes and the outbox; nothing of it
happens twice, and nothing half. Batches that are small share one transaction, because what it costs hardly grows.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Generic, TypeVar

import msgspec
import structlog
from asyncpg import Pool

from backorder_contracts.refusal import Reason, Refused, one_line
from backorder_runtime import asking, store
from backorder_runtime.bundle import Bundler, unpack
from backorder_runtime.database import Conn
from backorder_runtime.dead_letters import letter_for
from backorder_runtime.handler import Arrived
from backorder_runtime.outbox import Letter, OutboxBatch
from backorder_runtime.outcome import Outcome, keep
from backorder_runtime.record import Record, SetTimer, Timer, trace_id
from backorder_runtime.refusal_limit import Tally
from backorder_runtime.shard import Shard
from backorder_runtime.store import Kept, Resumed
from backorder_runtime.telemetry import BATCH_RECORDS, BATCH_SECONDS

E = TypeVar("E")
F = TypeVar("F")
_log = structlog.get_logger()
_TURN = 0.02  # seconds that one batch computes before others may


class Defect(Exception):
    """What was decided for a lane could not be written down: all that is in memory of its shard is in doubt."""

    def __init__(self, shard: int, lane: str, record: Record | None, error: Exception) -> None:
        at = f", at {record.topic}[{record.partition}] {record.offset}" if record is not None else ""
        self.what = _named(error) + at
        super().__init__(f"shard {shard}, lane {lane}: {self.what}")
        self.shard = shard
        self.lane = lane


class _Input(msgspec.Struct, Generic[E], gc=False):
    """An input with the record or the timer it came from; with what was `kept` for a parked lane it is for that one."""

    arrived: Arrived[E]
    record: Record | None
    kept: Kept | None = None
    timer: Timer | None = None

    @property
    def trace(self) -> str | None:
        """The trace that its effects go on with."""
        return self.record.header("traceparent") if self.record else None


class Batch(Generic[E, F]):
    """What one shard takes in a turn: `records`, whose messages are its `inputs`, and the timers that are `due`.

    `suspects` are lanes of which something could not be written down, with the error: they are parked before anything
    of them is decided.
    """

    def __init__(
        self,
        shard: Shard[E, F],
        records: Sequence[Record],
        *,
        due: bool,
        suspects: Mapping[str, str] | None = None,
    ) -> None:
        self.shard = shard
        self.due = due
        self.records = records
        self._steps = shard.steps(records)
        self._sent = shard.relay.sent_sequence
        self.outcome = Outcome(Bundler(shard.partitions))
        self.inputs = [item for record in shard.unseen(records) for item in self._read(record)]
        self._suspects = suspects or {}
        self._tally: Tally | None = None

    @property
    def fence(self) -> store.Fence:
        """What must still be so when the batch commits, and where the shard stands afterwards."""
        return store.Fence(self.shard.number, self.shard.epoch, self._sent, self._steps)

    @property
    def arrived(self) -> list[Arrived[E]]:
        """Its inputs in their order."""
        return [item.arrived for item in self.inputs]

    def _read(self, record: Record) -> Iterator[_Input[E]]:
        """The inputs of a record; what cannot be read goes to the dead letters."""
        try:
            for message in unpack(record):
                if (arrived := self._understood(message)) is not None:
                    yield _Input(arrived, message)
        except msgspec.DecodeError as error:
            refused = letter_for(record, Reason.UNREADABLE, f"not a bundle of messages: {error}")
            self.outcome.entries.append(refused)

    def _understood(self, message: Record) -> Arrived[E] | None:
        """What a message says to us; what is refused is a dead letter, and so is what we fail to understand."""
        try:
            return self.shard.handler.decode(message)
        except Refused as refused:
            self.outcome.entries.append(letter_for(message, refused.reason, refused.detail))
        except Exception as defect:  # noqa: BLE001 - nobody knows yet which lane would have to stop for it
            self._not_understood(message, defect)
        return None

    def _not_understood(self, message: Record, defect: Exception) -> None:
        _log.exception("not understood", shard=self.shard.number, topic=message.topic, offset=message.offset)
        self.outcome.entries.append(letter_for(message, Reason.UNREADABLE, _named(defect)))

    def take_kept(self, lanes: Iterable[Resumed]) -> None:
        """Go on with lanes that were parked: what was kept for them came before what has just been read.

        A lane of which more is kept stays parked for what is new.
        """
        inputs: list[_Input[E]] = []
        for lane in lanes:
            if lane.whole:
                self.shard.parked.discard(lane.lane)
            for kept in lane.kept:
                # the version that is to go on with it may refuse it
                if (arrived := self._understood(kept.record)) is None:
                    self.outcome.let_go.append(kept.id)
                else:
                    inputs.append(_Input(arrived, kept.record, kept=kept))
            self.outcome.more |= not lane.whole
        self.inputs[:0] = inputs

    def take_timers(self, timers: Iterable[Timer]) -> None:
        """Timers that rang."""
        for timer in timers:
            try:
                self.inputs.append(_Input(self.shard.handler.on_timer(timer), None, timer=timer))
            except Exception as defect:  # noqa: BLE001 - see `_decide`
                self._stop(timer.lane, defect)
                self._put_back(timer)

    async def process(self, now: datetime) -> None:
        """Decide input after input; the other batches of the process have their turn in between."""
        turn = time.perf_counter()
        for item in self.inputs:
            self._process(item, now)
            if time.perf_counter() - turn > _TURN:
                await asyncio.sleep(0)
                turn = time.perf_counter()

    def judge(self) -> None:
        """Count what could not be read. Raises `TooManyRefused`: then nothing of the batch may be stored."""
        if self.shard.limit is not None:
            letters = [entry for entry in self.outcome.entries if isinstance(entry, Letter)]
            self._tally = self.shard.limit.judge([item.record.topic for item in self.inputs if item.record], letters)

    def _process(self, item: _Input[E], now: datetime) -> None:
        try:
            parts = self.shard.handler.spread(item.arrived)
        except Exception as defect:
            if item.record is None:
                raise
            self._not_understood(item.record, defect)
            parts = ()
        for arrived in parts:
            if item.kept is not None and item.kept.lane != arrived.lane:
                continue
            if self._stopped(arrived.lane, item):
                self._hold_back(arrived.lane, item)
            else:
                self._decide(arrived, item, now)
        if item.kept is not None and item.kept.lane not in self.outcome.errors:
            self.outcome.let_go.append(item.kept.id)

    def _stopped(self, lane: str, item: _Input[E]) -> bool:
        """Whether this lane takes no input, or nothing but what was kept for it."""
        if lane in self._suspects and lane not in self.outcome.errors:
            self.outcome.errors[lane] = self._suspects[lane]
            self.shard.parked.add(lane)
        return lane in (self.shard.parked if item.kept is None else self.outcome.errors)

    def _decide(self, arrived: Arrived[E], item: _Input[E], now: datetime) -> None:
        handler, outcome = self.shard.handler, self.outcome
        try:
            facts = handler.decide(arrived, now)
        except Exception as defect:  # noqa: BLE001 - a defect of ours stops its lane, not the shard
            self._stop(arrived.lane, defect)
            self._hold_back(arrived.lane, item)
            return
        outcome.inputs += 1
        outcome.facts += len(facts)
        try:
            if effects := handler.evolve(arrived, facts, now):
                outcome.take(effects, item.trace)
        except Exception as defect:
            raise Defect(self.shard.number, arrived.lane, item.record, defect) from defect

    def _stop(self, lane: str, defect: Exception) -> None:
        _log.exception("lane parked", lane=lane, shard=self.shard.number)
        self.shard.parked.add(lane)
        self.outcome.errors[lane] = _named(defect)

    def _hold_back(self, lane: str, item: _Input[E]) -> None:
        """Keep an input of a stopped lane: what is new behind the others, what was kept or rang where it was."""
        if item.timer is not None:
            self._put_back(item.timer)
        elif item.record is not None and item.kept is None:
            self.outcome.parked.append((lane, item.record))

    def _put_back(self, timer: Timer) -> None:
        self.outcome.timers.append(SetTimer(timer.lane, timer.key, timer.due_at))

    def committed(self, published: OutboxBatch | None, now: datetime) -> None:
        """Tell the shard where it stands now."""
        self.shard.committed(self._steps, self._sent, published, rings_again=self.outcome.rings_by(now))
        if self.shard.limit is not None and self._tally is not None:
            self.shard.limit.keep(self._tally)
        BATCH_RECORDS.labels("lanes").observe(len(self.records))

    def where(self) -> Mapping[str, Any]:
        """Where the shard stands now, for the log."""
        offsets = {topic: new.next_offset for topic, (_, new) in self._steps.items()}
        return {"shard": self.shard.number, "epoch": self.shard.epoch, "offsets": offsets}


def _named(error: Exception) -> str:
    return one_line(f"{type(error).__name__}: {error}")


def _report(batches: "Sequence[Batch[Any, Any]]", published: Mapping[int, OutboxBatch], seconds: float) -> None:
    """One line for a transaction, which names the first of its messages."""
    told = [batch for batch in batches if batch.records or batch.shard.number in published]
    if not told:
        return
    first = next((item for batch in told for item in batch.inputs if item.record), None)
    _log.info(
        "batch",
        records=sum(len(batch.records) for batch in told),
        inputs=sum(batch.outcome.inputs for batch in told),
        facts=sum(batch.outcome.facts for batch in told),
        published=sum(len(each.entries) for each in published.values()),
        sequences={number: each.last_sequence for number, each in published.items()},
        shards=[batch.where() for batch in told],
        ce_id=next((batch.records[0].header("ce_id") for batch in told if batch.records), None),
        trace_id=trace_id(first.trace) if first else None,
        ms=round(seconds * 1000, 1),
    )


async def run(
    pool: "Pool[Any]", batches: "Sequence[Batch[Any, Any]]", clock: Callable[[], datetime]
) -> Mapping[int, OutboxBatch]:
    """Commit batches of different shards in one transaction; returns what those of them publish that publish.

    Raises `Fenced` when some of the shards are no longer ours: then nothing was done. Raises `Outdated`, `Defect` or
    whatever the database raises: then nothing was stored, but all of these shards have to be claimed again.
    """
    began = time.perf_counter()
    now = clock()
    async with pool.acquire() as conn, conn.transaction():
        await store.advance(conn, [batch.fence for batch in batches])
        await _take_due(conn, [batch for batch in batches if batch.due], now)
        await asking.together(conn, {each.shard.number: each.shard.handler.load(each.arrived) for each in batches})
        for batch in batches:
            await batch.process(now)
            batch.judge()
        await asking.together(conn, {each.shard.number: each.shard.handler.save() for each in batches})
        outcomes = {batch.shard.number: (batch.shard.next_sequence, batch.outcome) for batch in batches}
        published = await keep(conn, outcomes, now)
    seconds = time.perf_counter() - began
    BATCH_SECONDS.labels("lanes").observe(seconds)
    for batch in batches:
        batch.committed(published.get(batch.shard.number), now)
    _report(batches, published, seconds)
    return published


async def _take_due(conn: Conn, batches: "Sequence[Batch[Any, Any]]", now: datetime) -> None:
    if not batches:
        return
    shards = [batch.shard.number for batch in batches]
    kept = await store.take_parked(conn, shards)
    timers = await store.take_timers(conn, shards, now)
    for batch in batches:
        batch.take_kept(kept.get(batch.shard.number, ()))
        batch.take_timers(timers.get(batch.shard.number, ()))
