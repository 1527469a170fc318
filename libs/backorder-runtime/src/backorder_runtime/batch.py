"""What was polled for a shard: read, and decided input by input. `transaction.py` stores what comes of it.

How a lane is parked for a defect of ours, and goes on, is ADR 18.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Generic, TypeVar

import msgspec
import structlog

from backorder_contracts.refusal import Reason, Refused, one_line
from backorder_runtime import store
from backorder_runtime.bundle import Bundler, unpack
from backorder_runtime.dead_letters import letter_for
from backorder_runtime.handler import Arrived
from backorder_runtime.inputs import Input, at_once
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
_GLANCE = 100  # inputs between two looks at the clock


class Defect(Exception):
    """What was decided for some lanes could not be written down: all that is in memory of their shard is in doubt.

    `lanes` says for each what went wrong, and at which input.
    """

    def __init__(self, shard: int, lanes: Mapping[str, str]) -> None:
        super().__init__(f"shard {shard}: {dict(lanes)}")
        self.shard = shard
        self.lanes = lanes


class Batch(Generic[E, F]):
    """What one shard takes in a turn: `records`, whose messages are its `inputs`, and the timers that are `due`.

    `suspects` are lanes of which something could not be written down when this was tried before, with the error: each
    is parked at its first input.
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
        self._letters: list[Letter] = []  # of what has just been read
        self._read: Counter[str] = Counter()  # how many inputs of each topic have just been read
        self.inputs: list[Input[E]] = []
        for record in shard.unseen(records):
            inputs = at_once(shard.readers, record) or list(self._one_by_one(record))
            self._read[record.topic] += len(inputs)
            self.inputs += inputs
        self._suspects = suspects or {}
        self._doomed: dict[str, str] = {}  # lanes of which something cannot be written down now
        self._tally: Tally | None = None

    @property
    def fence(self) -> store.Fence:
        """What must still be so when the batch commits, and where the shard stands afterwards."""
        return store.Fence(self.shard.number, self.shard.epoch, self._sent, self._steps)

    @property
    def arrived(self) -> list[Arrived[E]]:
        """Its inputs in their order."""
        return [item.arrived for item in self.inputs]

    def _one_by_one(self, record: Record) -> Iterator[Input[E]]:
        """The inputs of a record; what cannot be read goes to the dead letters."""
        try:
            for message in unpack(record):
                if (arrived := self._understood(message)) is not None:
                    yield Input(arrived, message, message.header("traceparent"))
        except msgspec.DecodeError as error:
            self._refuse(record, Reason.UNREADABLE, f"not a bundle of messages: {error}")

    def _understood(self, message: Record) -> Arrived[E] | None:
        """What a message says to us; what is refused is a dead letter, and so is what we fail to understand."""
        try:
            return self.shard.handler.decode(message)
        except Refused as refused:
            self._refuse(message, refused.reason, refused.detail)
        except Exception as defect:  # noqa: BLE001 - nobody knows yet which lane would have to stop for it
            self._give_up(message, defect)
        return None

    def _give_up(self, message: Record, defect: Exception) -> None:
        _log.exception("not understood", shard=self.shard.number, topic=message.topic, offset=message.offset)
        self._refuse(message, Reason.UNREADABLE, _named(defect))

    def _refuse(self, message: Record, reason: str, detail: str) -> None:
        letter = letter_for(message, reason, detail)
        self._letters.append(letter)
        self.outcome.entries.append(letter)

    def take_kept(self, lanes: Iterable[Resumed]) -> None:
        """Go on with lanes that were parked: what was kept for them came before what has just been read.

        A lane of which more is kept stays parked for what is new.
        """
        inputs: list[Input[E]] = []
        for lane in lanes:
            if lane.whole:
                self.shard.parked.discard(lane.lane)
            inputs.extend(item for kept in lane.kept if (item := self._taken(kept)) is not None)
            self.outcome.more |= not lane.whole
        self.inputs[:0] = inputs

    def _taken(self, kept: Kept) -> Input[E] | None:
        """What was kept, understood by the version that is to go on with it, which may refuse it."""
        try:
            if (arrived := self.shard.handler.decode(kept.record)) is not None:
                return Input(arrived, kept.record, kept.record.header("traceparent"), kept=kept)
        except Refused as refused:
            self.outcome.entries.append(letter_for(kept.record, refused.reason, refused.detail))
        except Exception as defect:  # noqa: BLE001 - see `_decide`
            self._stop(kept.lane, defect, _at(kept.record))
            return None
        self.outcome.let_go.append(kept.id)
        return None

    def take_timers(self, timers: Iterable[Timer]) -> None:
        """Timers that rang."""
        for timer in timers:
            try:
                self.inputs.append(Input(self.shard.handler.on_timer(timer), None, timer=timer))
            except Exception as defect:  # noqa: BLE001 - see `_decide`
                self._stop_at(timer, defect)

    async def process(self, now: datetime, beat: Callable[[], None]) -> None:
        """Decide input after input; the other batches of the process have their turn in between, and `beat` is called.

        Raises `Defect` at the end, so that all lanes are named that cannot be written down.
        """
        turn = time.perf_counter()
        for start in range(0, len(self.inputs), _GLANCE):
            for item in self.inputs[start : start + _GLANCE]:
                self._process(item, now)
            if time.perf_counter() - turn > _TURN:
                beat()
                await asyncio.sleep(0)
                turn = time.perf_counter()
        for lane, defect in self.outcome.complete().items():
            _log.error("lane will be parked", lane=lane, shard=self.shard.number, exc_info=defect)
            self._doomed.setdefault(lane, _named(defect))
        if self._doomed:
            raise Defect(self.shard.number, self._doomed)

    def judge(self) -> None:
        """Count what could not be read of what is new. Raises `TooManyRefused`: then nothing may be stored."""
        if self.shard.limit is not None:
            self._tally = self.shard.limit.judge(self._read, self._letters)

    def _process(self, item: Input[E], now: datetime) -> None:
        kept_for = item.kept.lane if item.kept is not None else None
        try:
            parts = self.shard.handler.spread(item.arrived, kept_for)
        except Exception as defect:  # noqa: BLE001 - see `_decide` and `_understood`
            self._cannot_spread(item, defect)
            return
        held: list[str] = []
        for arrived in parts:
            lane = arrived.lane
            if lane in held or (kept_for is not None and kept_for != lane):
                continue
            if self._suspects:
                self._park_if_suspect(lane)
            if self._stopped(lane, item):
                held.append(lane)  # it is kept once, with all its parts for this lane
                self._hold_back(lane, item)
            else:
                self._decide(arrived, item, now, alone=len(parts) == 1)
        if item.kept is not None and kept_for not in self.outcome.errors:
            self.outcome.let_go.append(item.kept.id)

    def _cannot_spread(self, item: Input[E], defect: Exception) -> None:
        if item.kept is not None:
            self._stop(item.kept.lane, defect, _at(item.record))
        elif item.timer is not None:
            self._stop_at(item.timer, defect)
        elif item.record is not None:
            self._read[item.record.topic] -= 1
            self._give_up(item.record, defect)

    def _park_if_suspect(self, lane: str) -> None:
        if lane in self._suspects and lane not in self.outcome.errors:
            _log.error("lane parked", lane=lane, shard=self.shard.number, error=self._suspects[lane])
            self._park(lane, self._suspects[lane])

    def _stopped(self, lane: str, item: Input[E]) -> bool:
        """Whether this lane takes no input, or nothing but what was kept for it."""
        return lane in self._doomed or lane in (self.shard.parked if item.kept is None else self.outcome.errors)

    def _decide(self, arrived: Arrived[E], item: Input[E], now: datetime, *, alone: bool) -> None:
        handler, outcome = self.shard.handler, self.outcome
        try:
            facts = handler.decide(arrived, now)
        except Exception as defect:  # noqa: BLE001 - a defect of ours stops its lane, not the shard
            if not alone:  # another part of the same message may have had its effect in this lane
                self._doom(arrived.lane, item, defect)
                return
            self._stop(arrived.lane, defect)
            self._hold_back(arrived.lane, item)
            return
        outcome.inputs += 1
        outcome.facts += len(facts)
        try:
            if effects := handler.evolve(arrived, facts, now):
                outcome.take(effects, item.trace, item.written_ms)
        except Exception as defect:  # noqa: BLE001 - raised at the end, see `process`
            self._doom(arrived.lane, item, defect)

    def _doom(self, lane: str, item: Input[E], defect: Exception) -> None:
        _log.exception("lane will be parked", lane=lane, shard=self.shard.number)
        self._doomed[lane] = _named(defect) + _at(item.record, item.timer)

    def _stop(self, lane: str, defect: Exception, at: str = "") -> None:
        _log.exception("lane parked", lane=lane, shard=self.shard.number)
        self._park(lane, _named(defect) + at)

    def _stop_at(self, timer: Timer, defect: Exception) -> None:
        self._stop(timer.lane, defect, _at(None, timer))
        self._put_back(timer)

    def _park(self, lane: str, error: str) -> None:
        self.shard.parked.add(lane)
        self.outcome.errors[lane] = error

    def _hold_back(self, lane: str, item: Input[E]) -> None:
        """Keep an input of a stopped lane: what is new behind the others, what was kept or rang where it was."""
        if item.timer is not None:
            self._put_back(item.timer)
        elif item.record is not None and item.kept is None:
            self.outcome.parked.append((lane, item.record))

    def _put_back(self, timer: Timer) -> None:
        # before what the batch has set: that is the last word
        self.outcome.timers.insert(0, SetTimer(timer.lane, timer.key, timer.due_at))

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


def _at(record: Record | None, timer: Timer | None = None) -> str:
    """Where an input that failed stands, for people."""
    if record is not None:
        index = "" if record.index is None else f", message {record.index}"
        return f", at {record.topic}[{record.partition}] {record.offset}{index}"
    return f", at timer {timer.key}" if timer is not None else ""
