"""What was polled for a shard: read, and decided input by input.

Its transaction moves the input offsets under the fence, stores the changed lanes and the outbox; nothing of it happens
twice, and nothing half.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Generic, TypeVar

import msgspec
import structlog

from backorder_contracts.refusal import Reason, Refused, one_line
from backorder_runtime import store
from backorder_runtime.bundle import Bundler, unpack
from backorder_runtime.dead_letters import letter_for
from backorder_runtime.handler import Arrived
from backorder_runtime.outbox import Letter, OutboxBatch
from backorder_runtime.outcome import Outcome
from backorder_runtime.record import Record, SetTimer, Timer
from backorder_runtime.refusal_limit import Tally
from backorder_runtime.shard import Shard
from backorder_runtime.store import Kept, Resumed
from backorder_runtime.telemetry import BATCH_RECORDS

E = TypeVar("E")
F = TypeVar("F")
_log = structlog.get_logger()
_TURN = 0.02  # seconds that one batch computes before others may


class Defect(Exception):
    """What was decided for some lanes could not be written down: all that is in memory of their shard is in doubt.

    `lanes` says for each what went wrong, and at which input.
    """

    def __init__(self, shard: int, lanes: Mapping[str, str]) -> None:
        super().__init__(f"shard {shard}: {dict(lanes)}")
        self.shard = shard
        self.lanes = lanes


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
        self._doomed: dict[str, str] = {}
        self._not_spread: Counter[str] = Counter()
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
            inputs.extend(item for kept in lane.kept if (item := self._taken(kept)) is not None)
            self.outcome.more |= not lane.whole
        self.inputs[:0] = inputs

    def _taken(self, kept: Kept) -> _Input[E] | None:
        """What was kept, understood by the version that is to go on with it, which may refuse it."""
        try:
            if (arrived := self.shard.handler.decode(kept.record)) is not None:
                return _Input(arrived, kept.record, kept=kept)
        except Refused as refused:
            self.outcome.entries.append(letter_for(kept.record, refused.reason, refused.detail))
        except Exception as defect:  # noqa: BLE001 - see `_decide`
            self._stop(kept.lane, defect)
            return None
        self.outcome.let_go.append(kept.id)
        return None

    def take_timers(self, timers: Iterable[Timer]) -> None:
        """Timers that rang."""
        for timer in timers:
            try:
                self.inputs.append(_Input(self.shard.handler.on_timer(timer), None, timer=timer))
            except Exception as defect:  # noqa: BLE001 - see `_decide`
                self._stop(timer.lane, defect)
                self._put_back(timer)

    async def process(self, now: datetime) -> None:
        """Decide input after input; the other batches of the process have their turn in between.

        Raises `Defect` at the end, so that all lanes are named that cannot be written down.
        """
        turn = time.perf_counter()
        for item in self.inputs:
            self._process(item, now)
            if time.perf_counter() - turn > _TURN:
                await asyncio.sleep(0)
                turn = time.perf_counter()
        if self._doomed:
            raise Defect(self.shard.number, self._doomed)

    def judge(self) -> None:
        """Count what could not be read. Raises `TooManyRefused`: then nothing of the batch may be stored."""
        if self.shard.limit is not None:
            letters = [entry for entry in self.outcome.entries if isinstance(entry, Letter)]
            read = Counter(item.record.topic for item in self.inputs if item.record)
            self._tally = self.shard.limit.judge(read - self._not_spread, letters)

    def _process(self, item: _Input[E], now: datetime) -> None:
        kept_for = item.kept.lane if item.kept is not None else None
        try:
            parts = self.shard.handler.spread(item.arrived, kept_for)
        except Exception as defect:  # noqa: BLE001 - see `_decide` and `_understood`
            self._cannot_spread(item, defect)
            return
        for arrived in parts:
            if kept_for is not None and kept_for != arrived.lane:
                continue
            if self._stopped(arrived.lane, item):
                self._hold_back(arrived.lane, item)
            else:
                self._decide(arrived, item, now)
        if item.kept is not None and kept_for not in self.outcome.errors:
            self.outcome.let_go.append(item.kept.id)

    def _cannot_spread(self, item: _Input[E], defect: Exception) -> None:
        if item.kept is not None:
            self._stop(item.kept.lane, defect)
        elif item.timer is not None:
            self._stop(item.timer.lane, defect)
            self._put_back(item.timer)
        elif item.record is not None:
            self._not_spread[item.record.topic] += 1
            self._not_understood(item.record, defect)

    def _stopped(self, lane: str, item: _Input[E]) -> bool:
        """Whether this lane takes no input, or nothing but what was kept for it."""
        if lane in self._suspects and lane not in self.outcome.errors:
            _log.error("lane parked", lane=lane, shard=self.shard.number, error=self._suspects[lane])
            self.outcome.errors[lane] = self._suspects[lane]
            self.shard.parked.add(lane)
        return lane in self._doomed or lane in (self.shard.parked if item.kept is None else self.outcome.errors)

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
        except Exception as defect:  # noqa: BLE001 - raised at the end, see `process`
            _log.exception("lane will be parked", lane=arrived.lane, shard=self.shard.number)
            at = f", at {item.record.topic}[{item.record.partition}] {item.record.offset}" if item.record else ""
            self._doomed[arrived.lane] = _named(defect) + at

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
        # a part of a turn that takes no timers knows nothing of those that are due
        rings = self.outcome.rings_by(now) or (self.shard.rings_again and not self.due)
        self.shard.committed(self._steps, self._sent, published, rings_again=rings)
        if self.shard.limit is not None and self._tally is not None:
            self.shard.limit.keep(self._tally)
        BATCH_RECORDS.labels("lanes").observe(len(self.records))

    def where(self) -> Mapping[str, Any]:
        """Where the shard stands now, for the log."""
        offsets = {topic: new.next_offset for topic, (_, new) in self._steps.items()}
        return {"shard": self.shard.number, "epoch": self.shard.epoch, "offsets": offsets}


def _named(error: Exception) -> str:
    return one_line(f"{type(error).__name__}: {error}")
