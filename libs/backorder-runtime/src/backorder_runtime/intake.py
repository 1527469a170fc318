"""The loop of an intake: public records in, lane records and dead letters out, then the offsets.

Stateless and at least once: after a crash some records are translated again, to identical results that the
lanes recognise.
"""

import asyncio
import hashlib
from collections.abc import Sequence
from time import perf_counter

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from backorder_contracts.refusal import Refused
from backorder_runtime import consumer as kafka
from backorder_runtime.clock import Clock
from backorder_runtime.consumer import Partitions, PauseOnAssignment
from backorder_runtime.dead_letters import copy_of, letter_for, wire
from backorder_runtime.handler import Intake
from backorder_runtime.lifecycle import Heartbeat, first_of
from backorder_runtime.outbox import Event, Stamp, Wire, rfc3339
from backorder_runtime.publisher import Publisher
from backorder_runtime.record import Record
from backorder_runtime.settings import Settings
from backorder_runtime.telemetry import BATCH_RECORDS, BATCH_SECONDS, DEAD_LETTERS, LAG_RECORDS, LAG_SECONDS, RECORDS

_log = structlog.get_logger()


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
            settings.kafka, f"backorder.{service}.intake", offset_reset="earliest"
        )
        self._assigned: Partitions = frozenset()
        self._joined = False
        self.heartbeat = Heartbeat(settings.engine.stall)

    @property
    def ready(self) -> bool:
        """Whether this process has joined its group."""
        return self._joined

    async def run(self, stop: asyncio.Event) -> None:
        """Translate until `stop` is set."""
        listener = PauseOnAssignment(self._consumer, self._on_assigned, self._on_revoked)
        self._consumer.subscribe(topics=list(self._intake.topics), listener=listener)
        await self._consumer.start()
        try:
            while not stop.is_set():
                self.heartbeat.beat()
                await self._turn(stop)
        finally:
            await self._consumer.stop()

    async def _turn(self, stop: asyncio.Event) -> None:
        engine = self._settings.engine
        polling = kafka.poll(self._consumer, (), engine.poll, engine.batch)
        records = await first_of(polling, stop.wait(), timeout=engine.stall / 2)
        if not records:
            return
        began = perf_counter()
        wires, refused = self._translate(records)
        await self._publisher.publish(wires)
        await self._commit(records)
        self._report(records, len(wires), refused, perf_counter() - began)

    def _translate(self, records: Sequence[Record]) -> tuple[list[Wire], int]:
        now = self._clock()
        time = rfc3339(now).encode()
        wires: list[Wire] = []
        refused = 0
        for record in records:
            try:
                wires.extend(self._wires(record, time))
            except Refused as refusal:
                letter = letter_for(record, refusal.reason, refusal.detail)
                wires.append(wire(self._service, letter, copy_of(record), now))
                DEAD_LETTERS.labels(record.topic, refusal.reason).inc()
                refused += 1
        return wires, refused

    def _wires(self, record: Record, time: bytes) -> list[Wire]:
        wires: list[Wire] = []
        trace = record.header("traceparent") or _trace(record)
        name = f"{record.topic}.{record.partition}.{record.offset}"
        for index, message in enumerate(self._intake.translate(record)):
            event = Event(
                message.topic, message.key, message.type, message.value, message.subject, trace, everywhere=False
            )
            headers = self._stamp.headers(event, f"{name}.{index}", time)
            key = message.key.encode()
            places = range(self._settings.kafka.partitions) if message.everywhere else (None,)
            wires.extend(Wire(message.topic, key, message.value, headers, place) for place in places)
        return wires

    async def _commit(self, records: Sequence[Record]) -> None:
        offsets = {TopicPartition(r.topic, r.partition): r.offset + 1 for r in records}
        try:
            await self._consumer.commit({place: at for place, at in offsets.items() if place in self._assigned})
        except (KafkaError, ValueError) as error:
            _log.warning("offsets not committed, records may be translated again", error=repr(error))

    def _on_assigned(self, places: Partitions) -> None:
        self._joined = True
        self._assigned = places
        self._consumer.resume(*places)  # its place is the group's committed offset: nothing to claim

    def _on_revoked(self, _places: Partitions) -> None:
        self._assigned = frozenset()

    def _report(self, records: Sequence[Record], published: int, refused: int, seconds: float) -> None:
        BATCH_RECORDS.labels("intake").observe(len(records))
        BATCH_SECONDS.labels("intake").observe(seconds)
        for place in {TopicPartition(r.topic, r.partition) for r in records}:
            end = self._consumer.highwater(place)
            last, newest = max(
                (r.offset, r.timestamp_ms) for r in records if (r.topic, r.partition) == (place.topic, place.partition)
            )
            behind = max(0, (end or 0) - last - 1)
            LAG_RECORDS.labels(place.topic, str(place.partition)).set(behind)
            age = self._clock().timestamp() - newest / 1000 if behind else 0.0
            LAG_SECONDS.labels(place.topic, str(place.partition)).set(max(0.0, age))
        RECORDS.labels("intake", "translated").inc(len(records) - refused)
        RECORDS.labels("intake", "refused").inc(refused)
        _log.info(
            "intake batch",
            records=len(records),
            published=published,
            refused=refused,
            ce_id=records[0].header("ce_id"),
            trace=records[0].header("traceparent"),
            ms=round(seconds * 1000, 1),
        )


def _trace(record: Record) -> str:
    """A trace for a record whose publisher started none; the same each time the record is read."""
    place = f"{record.topic}/{record.partition}/{record.offset}".encode()
    digest = hashlib.blake2b(place, digest_size=24).hexdigest()
    return f"00-{digest[:32]}-{digest[32:]}-01"
