"""One shard: the lanes of one partition number, owned by one process, one transaction per batch.

A batch is what was polled from all input topics of the shard. Its transaction moves the input offsets under
the fence, stores the changed lanes and the outbox; nothing of it happens twice, and nothing half.
"""

import asyncio
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

import structlog
from asyncpg import Pool

from backorder_contracts.refusal import Refused
from backorder_runtime import store
from backorder_runtime.database import Conn
from backorder_runtime.dead_letters import letter_for
from backorder_runtime.handler import Arrived, LaneHandler
from backorder_runtime.outbox import Entry, Event, Letter, OutboxBatch
from backorder_runtime.record import DeadLetter, Effect, Message, Record, SetTimer, Timer
from backorder_runtime.relay import Relay
from backorder_runtime.store import Place
from backorder_runtime.telemetry import BATCH_RECORDS, BATCH_SECONDS, PARKED_LANES

E = TypeVar("E")
F = TypeVar("F")
_log = structlog.get_logger()
_TURN = 0.02  # seconds that one shard computes before others may


@dataclass(slots=True)
class _Input(Generic[E]):
    """An input with the record or the timer it came from; `only` one lane of it when that was parked."""

    arrived: Arrived[E]
    record: Record | None
    only: str | None = None
    timer: Timer | None = None

    @property
    def trace(self) -> str | None:
        """The trace that its effects go on with."""
        return self.record.header("traceparent") if self.record else None


@dataclass(slots=True)
class _Outcome:
    """What a batch leads to, collected while its inputs are decided."""

    entries: list[Entry] = field(default_factory=list)
    refusals: list[DeadLetter] = field(default_factory=list)
    timers: list[SetTimer] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)
    parked: list[tuple[str, Record]] = field(default_factory=list)
    inputs: int = 0
    facts: int = 0


class Shard(Generic[E, F]):
    """A claimed shard. Whoever gets an exception from `run` drops it and claims again."""

    def __init__(
        self,
        number: int,
        claim: store.Claim,
        parked: Iterable[str],
        handler: LaneHandler[E, F],
        relay: Relay,
        sequenced: frozenset[str],
    ) -> None:
        self.number = number
        self.relay = relay
        self._handler = handler
        self._epoch = claim.epoch
        self._next_sequence = claim.next_sequence
        self._sent = claim.sent_sequence
        self._places = claim.places
        self._sequenced = sequenced
        self._parked = set(parked)
        self.rings_again = False  # a timer was set that is due at once: work that goes on step by step
        PARKED_LANES.labels(str(number)).set(len(self._parked))

    def place(self, topic: str) -> Place:
        """Where the shard stands in a topic."""
        return self._places[topic]

    @property
    def has_news_of_relay(self) -> bool:
        """Whether the broker has confirmed more than the database knows."""
        return self.relay.sent_sequence > self._sent

    async def run(
        self, pool: "Pool[Any]", records: Sequence[Record], now: datetime, *, due: bool
    ) -> OutboxBatch | None:
        """Process one batch, with the timers that are `due`; returns what it publishes, already committed.

        Raises `Fenced` when the shard is no longer ours, and whatever the database raises.
        """
        began = time.perf_counter()
        steps = self._steps(records)
        sent = self.relay.sent_sequence
        outcome = _Outcome()
        inputs = self._decode(records, outcome)
        async with pool.acquire() as conn, conn.transaction():
            await store.advance(conn, self.number, self._epoch, sent, steps)
            if due:
                await self._take_due(conn, now, inputs)
            await self._handler.load(conn, [item.arrived for item in inputs])
            await self._process_all(inputs, now, outcome)
            await self._handler.save(conn)
            batch = await self._keep(conn, outcome, now)
        self._committed(steps, sent, batch, outcome, now)
        self._report(records, batch, outcome, time.perf_counter() - began)
        return batch

    def _steps(self, records: Sequence[Record]) -> dict[str, tuple[Place, Place]]:
        steps: dict[str, tuple[Place, Place]] = {}
        for record in records:
            old, new = steps.get(record.topic) or (self._places[record.topic], None)
            mark = new.last_sequence if new else old.last_sequence
            steps[record.topic] = (
                old,
                Place(record.offset + 1, max(mark, self._sequence(record)), record.timestamp_ms),
            )
        return steps

    def _sequence(self, record: Record) -> int:
        if record.topic not in self._sequenced:
            return 0
        text = record.header("ce_sequence")
        if not text or not text.isdecimal():
            return 0
        # another shard of the publisher counts for itself: what it sends on is known by its content
        source = record.header("ce_source")
        return int(text) if source is None or source.endswith(f"/{self.number}") else 0

    def _decode(self, records: Sequence[Record], outcome: _Outcome) -> list[_Input[E]]:
        """The inputs of a batch: repeated records left out, unreadable ones in the dead letters."""
        inputs = []
        seen = {topic: place.last_sequence for topic, place in self._places.items()}
        for record in records:
            sequence = self._sequence(record)
            if sequence:
                if sequence <= seen[record.topic]:
                    continue  # the relay of the publisher repeated it
                seen[record.topic] = sequence
            try:
                arrived = self._handler.decode(record)
            except Refused as refused:
                outcome.entries.append(letter_for(record, refused.reason, refused.detail))
                continue
            if arrived is not None:
                inputs.append(_Input(arrived, record))
        return inputs

    async def _take_due(self, conn: Conn, now: datetime, inputs: list[_Input[E]]) -> None:
        for lane, record in await store.take_parked(conn, self.number):
            self._parked.discard(lane)
            if (arrived := self._handler.decode(record)) is not None:
                inputs.append(_Input(arrived, record, only=lane))
        inputs.extend(
            _Input(self._handler.on_timer(timer), None, timer=timer)
            for timer in await store.take_timers(conn, self.number, now)
        )

    async def _process_all(self, inputs: Sequence[_Input[E]], now: datetime, outcome: _Outcome) -> None:
        """Decide input after input; the other shards of the process have their turn in between."""
        turn = time.perf_counter()
        for item in inputs:
            self._process(item, now, outcome)
            if time.perf_counter() - turn > _TURN:
                await asyncio.sleep(0)
                turn = time.perf_counter()

    def _process(self, item: _Input[E], now: datetime, outcome: _Outcome) -> None:
        for arrived in self._handler.spread(item.arrived):
            if item.only not in {None, arrived.lane}:
                continue
            if arrived.lane in self._parked:
                self._hold_back(arrived, item, outcome)
                continue
            try:
                facts = self._handler.decide(arrived, now)
            except Exception as defect:  # noqa: BLE001 - a defect of ours stops its lane, not the shard
                _log.exception("lane parked", lane=arrived.lane, shard=self.number)
                self._parked.add(arrived.lane)
                outcome.errors[arrived.lane] = f"{type(defect).__name__}: {defect}"
                self._hold_back(arrived, item, outcome)
                continue
            outcome.inputs += 1
            outcome.facts += len(facts)
            if effects := self._handler.evolve(arrived, facts, now):
                trace = item.trace
                for effect in effects:
                    _sort(effect, trace, outcome)

    @staticmethod
    def _hold_back(arrived: Arrived[E], item: _Input[E], outcome: _Outcome) -> None:
        """Keep an input of a stopped lane: the record behind the others, the timer where it was."""
        if item.record is not None:
            outcome.parked.append((arrived.lane, item.record))
        elif item.timer is not None:
            outcome.timers.append(SetTimer(item.timer.lane, item.timer.key, item.timer.due_at))

    async def _keep(self, conn: Conn, outcome: _Outcome, now: datetime) -> OutboxBatch | None:
        if outcome.timers:
            await store.set_timers(conn, self.number, outcome.timers)
        if outcome.errors or outcome.parked:
            await store.park(conn, self.number, outcome.errors, outcome.parked, now)
        if outcome.refusals:
            fresh = await store.refuse(conn, outcome.refusals, now)
            outcome.entries.extend(Letter(x.origin, x.reason, x.detail, None) for x in fresh)
        if not outcome.entries:
            return None
        batch = OutboxBatch(self._next_sequence, now, tuple(outcome.entries))
        await store.put_outbox(conn, self.number, batch)
        return batch

    def _committed(
        self,
        steps: dict[str, tuple[Place, Place]],
        sent: int,
        batch: OutboxBatch | None,
        outcome: _Outcome,
        now: datetime,
    ) -> None:
        self._places.update({topic: new for topic, (_, new) in steps.items()})
        self._sent = max(self._sent, sent)
        self.rings_again = any(timer.due_at is not None and timer.due_at <= now for timer in outcome.timers)
        if batch is not None:
            self._next_sequence = batch.last_sequence + 1
        if outcome.errors:
            PARKED_LANES.labels(str(self.number)).set(len(self._parked))

    def _report(self, records: Sequence[Record], batch: OutboxBatch | None, outcome: _Outcome, seconds: float) -> None:
        BATCH_RECORDS.labels("lanes").observe(len(records))
        BATCH_SECONDS.labels("lanes").observe(seconds)
        if not records and batch is None:
            return
        _log.info(
            "batch",
            shard=self.number,
            epoch=self._epoch,
            records=len(records),
            inputs=outcome.inputs,
            facts=outcome.facts,
            published=len(batch.entries) if batch else 0,
            first_sequence=batch.first_sequence if batch else None,
            offsets={topic: place.next_offset for topic, place in self._places.items()},
            ce_id=records[0].header("ce_id") if records else None,
            trace=records[0].header("traceparent") if records else None,
            ms=round(seconds * 1000, 1),
        )


def _sort(effect: Effect, trace: str | None, outcome: _Outcome) -> None:
    match effect:
        case Message():
            outcome.entries.append(
                Event(effect.topic, effect.key, effect.type, effect.value, effect.subject, trace, effect.everywhere)
            )
        case DeadLetter():
            outcome.refusals.append(effect)
        case SetTimer():
            outcome.timers.append(effect)
