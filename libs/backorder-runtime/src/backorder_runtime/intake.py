"""The loop of an intake: public records in, lane records and dead letters out, then the offsets.

Stateless and at least once: after a crash some records are translated again, to identical results that the
lanes recognise. What was translated is confirmed while the next records are read, one batch at a time.
"""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from backorder_contracts.envelope import trace_context
from backorder_contracts.refusal import Refused
from backorder_runtime import consumer as kafka
from backorder_runtime import lag
from backorder_runtime.bundle import Bundler
from backorder_runtime.clock import Clock
from backorder_runtime.consumer import Partitions, PauseOnAssignment
from backorder_runtime.dead_letters import copy_of, letter_for, wire
from backorder_runtime.handler import Intake
from backorder_runtime.lifecycle import Every, Heartbeat, any_of, cancel, first_of
from backorder_runtime.outbox import Letter, Stamp, Wire, rfc3339
from backorder_runtime.permissions import stop_if_denied
from backorder_runtime.publisher import Publisher
from backorder_runtime.record import Record, trace_id
from backorder_runtime.refusal_limit import RefusalLimit, Tally
from backorder_runtime.settings import Settings
from backorder_runtime.store import Place
from backorder_runtime.telemetry import BATCH_RECORDS, BATCH_SECONDS, DEAD_LETTERS, RECORDS
from backorder_runtime.turns import Turns

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Read:
    """What has come, and where the client goes on after it.

    That may be behind more than it shows us: a publisher's transaction ends with a mark, and of one that was given up
    there are only marks to pass.
    """

    records: Sequence[Record]
    reached: dict[TopicPartition, int]


class IntakeRunner:
    """Runs a service's intake in this process until it is told to stop."""

    def __init__(self, service: str, intake: Intake, settings: Settings, publisher: Publisher, clock: Clock) -> None:
        self._service = service
        self._intake = intake
        self._settings = settings
        self._publisher = publisher
        self._clock = clock
        self._stamp = Stamp(service, "intake")
        self._consumer: AIOKafkaConsumer = kafka.new_consumer(
            settings.kafka, f"backorder.{service}.intake", offset_reset="none"
        )
        self._unplaced: Partitions = frozenset()
        self._limit = RefusalLimit(service, intake.topics, settings.engine)
        self._joined = False
        self._places: dict[TopicPartition, Place] = {}  # behind what the broker has confirmed
        self._under_way: asyncio.Task[None] | None = None
        self._telling = lag.Telling(self._commit)
        self._turns = Turns(self._consumer, service, settings.engine)
        self._report_due = Every(settings.engine.report)
        self.heartbeat = Heartbeat(settings.engine.stall)

    @property
    def ready(self) -> bool:
        """Whether this process has joined its group and found its place."""
        return self._joined and not self._unplaced

    async def run(self, stop: asyncio.Event) -> None:
        """Translate until `stop` is set."""
        listener = PauseOnAssignment(self._consumer, self._on_assigned, self._on_revoked)
        self._consumer.subscribe(topics=list(self._intake.topics), listener=listener)
        await self._consumer.start()
        try:
            while not stop.is_set():
                self.heartbeat.beat()
                await self._turn(stop)
                if self._report_due.passed():
                    self._export()
                    self._telling.start()
            if self._under_way is not None:
                await asyncio.wait({self._under_way}, timeout=self._settings.engine.grace)
                await self._confirmed(stop)
            await first_of(self._commit(), timeout=kafka.PARTING)
        finally:
            self._telling.stop()
            if self._under_way is not None:
                cancel(self._under_way)
            await kafka.leave(self._consumer)

    async def _turn(self, stop: asyncio.Event) -> None:
        engine = self._settings.engine
        if self._unplaced:
            await self._place()
        reading = first_of(self._read(), stop.wait(), timeout=engine.stall / 2)
        read, _ = await asyncio.gather(reading, self._confirmed(stop))
        if read is None or self._under_way is not None:  # what is read at the stop is for the next process
            return
        if not read.records:
            self._stand_behind(read)
            return
        began = perf_counter()
        wires, letters = self._translate(read.records)
        refused = {letter.origin for letter in letters}
        tally = self._limit.judge(Counter(r.topic for r in read.records if r.origin not in refused), letters)
        self._under_way = asyncio.create_task(self._publish(read, wires, letters, tally, began))

    async def _read(self) -> _Read:
        records = await self._turns.read(lambda: frozenset(self._places), self._settings.engine.poll)
        ours = self._consumer.assignment().intersection(self._places)
        return _Read(records, {log: await self._consumer.position(log) for log in ours})

    async def _publish(
        self, read: _Read, wires: Sequence[Wire], letters: Sequence[Letter], tally: Tally, began: float
    ) -> None:
        await self._publisher.publish(wires)
        self._limit.keep(tally)
        self._stand_behind(read)
        self._report(read.records, len(wires), letters, perf_counter() - began)

    def _stand_behind(self, read: _Read) -> None:
        """What was read is done. Partitions that others have by now, or have got further in, stay as they are."""
        for record in read.records:
            at = self._places.get(TopicPartition(record.topic, record.partition))
            if at is not None and at.next_offset <= record.offset:
                at.next_offset, at.newest_ms = record.offset + 1, record.timestamp_ms
        for log, reached in read.reached.items():
            at = self._places.get(log)
            if at is not None:
                at.next_offset = max(at.next_offset, reached)

    async def _confirmed(self, stop: asyncio.Event) -> None:
        """Return when the broker has what was translated last, or at the stop. Raises `PublishingFailed`."""
        publishing = self._under_way
        if publishing is None:
            return
        await any_of({publishing}, stop, self._glance)
        if publishing.done():
            self._under_way = None
            publishing.result()

    def _translate(self, records: Sequence[Record]) -> tuple[list[Wire], list[Letter]]:
        now = self._clock()
        bundler = Bundler(self._settings.kafka.partitions)
        wires: list[Wire] = []
        letters: list[Letter] = []
        for record in records:
            try:
                messages = self._intake.translate(record)
            except Refused as refusal:
                letter = letter_for(record, refusal.reason, refusal.detail)
                wires.append(wire(self._service, letter, copy_of(record), now))
                letters.append(letter)
                continue
            trace = _trace(record)
            for message in messages:
                bundler.add(message, trace)
        # a bundle has no record of its own to be named after: the first of the batch stands for it
        first, time = records[0], rfc3339(now).encode()
        name = f"{first.topic}.{first.partition}.{first.offset}"
        wires.extend(self._stamp.wire(event, f"{name}.{n}", time) for n, event in enumerate(bundler.take()))
        return wires, letters

    async def _commit(self) -> None:
        """Tell the group how far we are; what a crash makes us translate again is recognised by the lanes."""
        offsets = {log: at.next_offset for log, at in self._places.items()}
        if not offsets:
            return
        try:
            await self._consumer.commit(offsets)
        except (KafkaError, ValueError) as error:
            _log.warning("offsets not committed, will try again", error=repr(error))

    def _on_assigned(self, places: Partitions) -> None:
        self._joined = True
        self._unplaced = places

    def _on_revoked(self, _places: Partitions) -> None:
        self._joined = False
        lag.forget(self._places)
        self._places.clear()  # others may get further before some of these come back to us
        self._unplaced = frozenset()

    async def _place(self) -> None:
        """Go to where the group stands. Nothing is to be claimed: what is translated twice does no harm."""
        places = self._unplaced
        try:
            starts = await kafka.starts(self._consumer, places, self._service)
            if places is self._unplaced:  # not assigned anew meanwhile
                now_ms = int(1000 * self._clock().timestamp())
                for place, offset in starts.items():
                    self._consumer.seek(place, offset)
                    self._places[place] = Place(offset, 0, now_ms)
                self._consumer.resume(*places)
                self._unplaced = frozenset()
        except KafkaError as error:
            stop_if_denied(error)
            _log.warning("cannot find its place, will try again", error=repr(error))

    def _glance(self) -> None:
        self.heartbeat.beat()  # the broker may be away for long: that is no stall of ours
        self._export()

    def _export(self) -> None:
        lag.export(self._consumer, self._places, self._clock())

    def _report(self, records: Sequence[Record], published: int, letters: Sequence[Letter], seconds: float) -> None:
        for letter in letters:
            DEAD_LETTERS.labels(letter.origin.topic, letter.reason).inc()
        refused = len(letters)
        BATCH_RECORDS.labels("intake").observe(len(records))
        BATCH_SECONDS.labels("intake").observe(seconds)
        RECORDS.labels("intake", "translated").inc(len(records) - refused)
        RECORDS.labels("intake", "refused").inc(refused)
        _log.info(
            "intake batch",
            records=len(records),
            published=published,
            refused=refused,
            ce_id=records[0].header("ce_id"),
            trace_id=trace_id(_trace(records[0])),
            ms=round(seconds * 1000, 1),
        )


def _trace(record: Record) -> str:
    """A record's trace; if its publisher started none, one that is the same each time the record is read.

    It goes into every message of the record, so nothing longer than a trace is taken for one.
    """
    given = trace_context(record.header("traceparent") or record.header("ce_traceparent"))
    if given is not None:
        return given
    place = f"{record.topic}/{record.partition}/{record.offset}".encode()
    digest = hashlib.blake2b(place, digest_size=24).hexdigest()
    return f"00-{digest[:32]}-{digest[32:]}-01"
