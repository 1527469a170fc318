"""One shard: the lanes of one partition number, owned by one process, one transaction per batch.

A batch is what was polled from all input topics of the shard. Its transaction moves the input offsets under
the fence, stores the changed lanes and the outbox; nothing of it happens twice, and nothing half.
"""

import asyncio
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Generic, TypeVar

import msgspec
import structlog
from asyncpg import Pool

from backorder_contracts.refusal import Reason, Refused
from backorder_runtime import store
from backorder_runtime.bundle import Bundler, unpack
from backorder_runtime.database import Conn
from backorder_runtime.dead_letters import letter_for
from backorder_runtime.handler import Arrived, LaneHandler
from backorder_runtime.outbox import Letter, OutboxBatch
from backorder_runtime.outcome import Outcome
from backorder_runtime.record import Record, SetTimer, Timer
from backorder_runtime.refusal_limit import RefusalLimit, Tally
from backorder_runtime.relay import Relay
from backorder_runtime.retention import Rule
from backorder_runtime.store import Place
from backorder_runtime.telemetry import BATCH_RECORDS, BATCH_SECONDS, PARKED_LANES

E = TypeVar("E")
F = TypeVar("F")
_log = structlog.get_logger()
_TURN = 0.02  # seconds that one shard computes before others may


class _Input(msgspec.Struct, Generic[E], gc=False):
    """An input with the record or the timer it came from; `only` one lane of it when that was parked."""

    arrived: Arrived[E]
    record: Record | None
    only: str | None = None
    timer: Timer | None = None

    @property
    def trace(self) -> str | None:
        """The trace that its effects go on with."""
        return self.record.header("traceparent") if self.record else None


class Shard(Generic[E, F]):
    """A claimed shard of so many `partitions`. Whoever gets an exception from `run` drops it and claims again."""

    def __init__(
        self,
        number: int,
        partitions: int,
        claim: store.Claim,
        parked: Iterable[str],
        handler: LaneHandler[E, F],
        relay: Relay,
        sequenced: frozenset[str],
        limit: RefusalLimit | None = None,
    ) -> None:
        self.number = number
        self._partitions = partitions
        self.relay = relay
        self._handler = handler
        self._epoch = claim.epoch
        self._next_sequence = claim.next_sequence
        self._sent = claim.sent_sequence
        self._places = claim.places
        self._sequenced = sequenced
        self._limit = limit
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
        outcome = Outcome(Bundler(self._partitions))
        inputs = self._decode(records, outcome)
        tally = self._judge(inputs, outcome)
        async with pool.acquire() as conn, conn.transaction():
            await store.advance(conn, self.number, self._epoch, sent, steps)
            if due:
                await self._take_due(conn, now, inputs, outcome)
            await self._handler.load(conn, [item.arrived for item in inputs])
            await self._process_all(inputs, now, outcome)
            await self._handler.save(conn)
            batch = await outcome.keep(conn, self.number, self._next_sequence, now)
        self._committed(steps, sent, batch, outcome, now)
        if self._limit is not None and tally is not None:
            self._limit.keep(tally)
        self._report(records, batch, outcome, time.perf_counter() - began)
        return batch

    async def forget(
        self, pool: "Pool[Any]", rules: Sequence[Rule], now: datetime, most: int
    ) -> tuple[OutboxBatch | None, bool]:
        """Let what is over go: at most so many rows by each rule, in one transaction under the fence.

        Returns what it publishes, and whether there is more to go. Raises as `run` does; then nothing was done.
        """
        outcome, gone = Outcome(Bundler(self._partitions)), []
        sent, ringing = self.relay.sent_sequence, self.rings_again
        async with pool.acquire() as conn, conn.transaction():
            await store.advance(conn, self.number, self._epoch, sent, {})
            for rule in rules:
                rows = await conn.fetch(rule.statement, self.number, now - rule.after, most)
                gone.append(len(rows))
                outcome.take(rule.tell(rows), None)
            batch = await outcome.keep(conn, self.number, self._next_sequence, now)
        self._committed({}, sent, batch, outcome, now)
        self.rings_again = ringing
        for rule, count in zip(rules, gone, strict=True):
            rule.count(count)
        return batch, most in gone

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

    def _decode(self, records: Sequence[Record], outcome: Outcome) -> list[_Input[E]]:
        """The inputs of a batch: repeated records left out, unreadable ones in the dead letters."""
        inputs: list[_Input[E]] = []
        seen = {topic: place.last_sequence for topic, place in self._places.items()}
        for record in records:
            sequence = self._sequence(record)
            if sequence:
                if sequence <= seen[record.topic]:
                    continue  # the relay of the publisher repeated it
                seen[record.topic] = sequence
            inputs.extend(self._read(record, outcome))
        return inputs

    def _read(self, record: Record, outcome: Outcome) -> Iterator[_Input[E]]:
        try:
            for message in unpack(record):
                if (arrived := self._understood(message, outcome)) is not None:
                    yield _Input(arrived, message)
        except msgspec.DecodeError as error:
            outcome.entries.append(letter_for(record, Reason.UNREADABLE, f"not a bundle of messages: {error}"))

    def _understood(self, message: Record, outcome: Outcome) -> Arrived[E] | None:
        """What a message says to us; what is refused is a dead letter."""
        try:
            return self._handler.decode(message)
        except Refused as refused:
            outcome.entries.append(letter_for(message, refused.reason, refused.detail))
            return None

    def _judge(self, inputs: Iterable[_Input[E]], outcome: Outcome) -> Tally | None:
        if self._limit is None:
            return None
        letters = [entry for entry in outcome.entries if isinstance(entry, Letter)]
        return self._limit.judge((item.record.topic for item in inputs if item.record), letters)

    async def _take_due(self, conn: Conn, now: datetime, inputs: list[_Input[E]], outcome: Outcome) -> None:
        kept: list[_Input[E]] = []
        for lane, record in await store.take_parked(conn, self.number):
            self._parked.discard(lane)
            # the version that is to go on with it may refuse it
            if (arrived := self._understood(record, outcome)) is not None:
                kept.append(_Input(arrived, record, only=lane))
        inputs[:0] = kept  # they came before what has just been read
        inputs.extend(
            _Input(self._handler.on_timer(timer), None, timer=timer)
            for timer in await store.take_timers(conn, self.number, now)
        )

    async def _process_all(self, inputs: Sequence[_Input[E]], now: datetime, outcome: Outcome) -> None:
        """Decide input after input; the other shards of the process have their turn in between."""
        turn = time.perf_counter()
        for item in inputs:
            self._process(item, now, outcome)
            if time.perf_counter() - turn > _TURN:
                await asyncio.sleep(0)
                turn = time.perf_counter()

    def _process(self, item: _Input[E], now: datetime, outcome: Outcome) -> None:
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
                outcome.take(effects, item.trace)

    @staticmethod
    def _hold_back(arrived: Arrived[E], item: _Input[E], outcome: Outcome) -> None:
        """Keep an input of a stopped lane: the record behind the others, the timer where it was."""
        if item.record is not None:
            outcome.parked.append((arrived.lane, item.record))
        elif item.timer is not None:
            outcome.timers.append(SetTimer(item.timer.lane, item.timer.key, item.timer.due_at))

    def _committed(
        self,
        steps: dict[str, tuple[Place, Place]],
        sent: int,
        batch: OutboxBatch | None,
        outcome: Outcome,
        now: datetime,
    ) -> None:
        self._places.update({topic: new for topic, (_, new) in steps.items()})
        self._sent = max(self._sent, sent)
        self.rings_again = outcome.rings_by(now)
        if batch is not None:
            self._next_sequence = batch.last_sequence + 1
        PARKED_LANES.labels(str(self.number)).set(len(self._parked))

    def _report(self, records: Sequence[Record], batch: OutboxBatch | None, outcome: Outcome, seconds: float) -> None:
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
