"""The loop of a lane service: claims the shards it is assigned, and runs batch after batch on each."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError, OffsetOutOfRangeError
from asyncpg import Pool

from backorder_contracts.topics import TOPICS
from backorder_runtime import consumer as kafka
from backorder_runtime import database, store
from backorder_runtime.clock import Clock
from backorder_runtime.consumer import Partitions, PauseOnAssignment
from backorder_runtime.dead_letters import OriginReader
from backorder_runtime.handler import LaneHandler
from backorder_runtime.lifecycle import Heartbeat, cancel, first_of
from backorder_runtime.publisher import Publisher, PublishingFailed
from backorder_runtime.record import Record
from backorder_runtime.relay import Relay
from backorder_runtime.settings import Settings
from backorder_runtime.shard import Shard
from backorder_runtime.telemetry import CLAIMS, FENCED, LAG_RECORDS, LAG_SECONDS, OWNED_SHARDS

_log = structlog.get_logger()
# the database or the broker is away for a while: claim again when it is back
_PASSING = (*database.PASSING, KafkaError, PublishingFailed, store.Outdated)


class LogChanged(Exception):
    """A topic no longer has what we have not read yet, or was made anew. Nothing may be skipped: stop."""


@dataclass(frozen=True, slots=True)
class LaneService:
    """What the loop needs to know of a service: its name, its inputs, and a handler for each shard."""

    name: str
    topics: tuple[str, ...]
    new_handler: Callable[[int], LaneHandler[Any, Any]]

    @property
    def sequenced(self) -> frozenset[str]:
        """The topics with one publisher: a record that its relay repeats is known by its sequence."""
        return frozenset(topic for topic in self.topics if len(TOPICS[topic].publishers) == 1)


class LaneRunner:
    """Runs a lane service in this process until it is told to stop."""

    def __init__(
        self,
        service: LaneService,
        settings: Settings,
        pool: "Pool[Any]",
        publisher: Publisher,
        clock: Clock,
        owner: str,
    ) -> None:
        self._service = service
        self._settings = settings
        self._pool = pool
        self._publisher = publisher
        self._clock = clock
        self._owner = owner
        self._origins = OriginReader(settings.kafka)
        self._consumer: AIOKafkaConsumer = kafka.new_consumer(
            settings.kafka, f"backorder.{service.name}.lanes", offset_reset="none"
        )
        self._assigned: set[int] = set()
        self._shards: dict[int, Shard[Any, Any]] = {}
        self._relays: dict[int, asyncio.Task[None]] = {}
        self._next_tick = 0.0
        self._joined = False
        self.heartbeat = Heartbeat(settings.engine.stall)

    @property
    def ready(self) -> bool:
        """Whether this process has joined its group and owns every shard that it was assigned."""
        return self._joined and self._assigned == set(self._shards)

    @property
    def owned(self) -> tuple[int, ...]:
        """The shards that this process owns now."""
        return tuple(self._shards)

    async def run(self, stop: asyncio.Event) -> None:
        """Process until `stop` is set; then finish the batch at hand and let the relays finish."""
        listener = PauseOnAssignment(self._consumer, self._on_assigned, self._on_revoked)
        self._consumer.subscribe(topics=list(self._service.topics), listener=listener)
        await self._consumer.start()
        try:
            while not stop.is_set():
                self.heartbeat.beat()
                await self._turn(stop)
            await self._drain()
        finally:
            for number in list(self._shards):
                self._drop(number)
            await self._consumer.stop()
            await self._origins.close()

    async def _turn(self, stop: asyncio.Event) -> None:
        for number in sorted(self._assigned - set(self._shards)):
            await self._claim(number)
        for number, relay in list(self._relays.items()):
            if relay.done():
                _log.error("relay failed", shard=number, error=repr(relay.exception()))
                self._drop(number)
        ringing = {number for number, shard in self._shards.items() if shard.rings_again}
        records = await self._poll(stop, 0 if ringing else self._settings.engine.poll)
        found = await self._tick()
        due = ringing | (found or set())
        work: dict[int, list[Record]] = defaultdict(list)
        for record in records:
            work[record.partition].append(record)
        idle = {n for n, shard in self._shards.items() if found is not None and shard.has_news_of_relay}
        await asyncio.gather(*(self._run(n, work[n], due=n in due) for n in {*work, *due, *idle} if n in self._shards))

    async def _poll(self, stop: asyncio.Event, wait: float) -> list[Record]:
        engine = self._settings.engine
        owned = [TopicPartition(topic, n) for n in self._shards for topic in self._service.topics]
        if not owned:
            await first_of(stop.wait(), timeout=engine.poll)
            return []
        try:
            polled = await first_of(
                kafka.poll(self._consumer, owned, wait, engine.batch), stop.wait(), timeout=engine.stall / 2
            )
        except OffsetOutOfRangeError as error:
            raise LogChanged(f"the log lacks records that were not processed yet: {error}") from error
        return polled or []

    async def _run(self, number: int, records: Sequence[Record], *, due: bool) -> None:
        shard = self._shards.get(number)
        if shard is None:
            return  # revoked since the records were sorted; they are read again by whoever claims it
        try:
            batch = await shard.run(self._pool, records, self._clock(), due=due)
        except store.Fenced as fenced:
            FENCED.inc()
            _log.warning("fenced", shard=number, detail=str(fenced))
            self._drop(number, shard)
        except _PASSING as error:
            _log.warning("batch failed, will claim again", shard=number, error=repr(error))
            self._drop(number, shard)
        else:
            if batch is not None and self._shards.get(number) is shard:
                relayed = shard.relay.put([batch], backlog=self._settings.engine.relay_backlog)
                await first_of(relayed, asyncio.shield(self._relays[number]))

    async def _claim(self, number: int) -> None:
        places = [TopicPartition(topic, number) for topic in self._service.topics]
        try:
            logs = await kafka.first_and_end(self._consumer, places)
            async with self._pool.acquire() as conn:
                claim = await store.claim(
                    conn, number, self._owner, {place.topic: first for place, (first, _) in logs.items()}
                )
                unsent = await store.unsent(conn, number, claim.sent_sequence)
                parked = await store.parked_lanes(conn, number)
        except _PASSING as error:
            _log.warning("claim failed, will try again", shard=number, error=repr(error))
            return
        if number not in self._assigned:
            return
        for place, (first, end) in logs.items():
            _check_log(place, claim.places[place.topic].next_offset, first, end)
        relay = Relay(self._service.name, number, self._settings.kafka.partitions, self._publisher, self._origins)
        relay.sent_sequence = claim.sent_sequence
        self._shards[number] = Shard(
            number, claim, parked, self._service.new_handler(number), relay, self._service.sequenced
        )
        self._relays[number] = asyncio.create_task(relay.run())
        await relay.put(unsent, backlog=len(unsent))
        for place in places:
            self._consumer.seek(place, claim.places[place.topic].next_offset)
        self._consumer.resume(*places)
        CLAIMS.inc()
        OWNED_SHARDS.set(len(self._shards))
        _log.info("claimed", shard=number, epoch=claim.epoch, unsent=len(unsent), owner=self._owner)

    def _on_assigned(self, places: Partitions) -> None:
        self._joined = True
        held: dict[int, set[str]] = defaultdict(set)
        for place in places:
            held[place.partition].add(place.topic)
        self._assigned = {n for n, topics in held.items() if topics == set(self._service.topics)}

    def _on_revoked(self, _places: Partitions) -> None:
        self._assigned = set()
        for number in list(self._shards):
            self._drop(number)

    def _drop(self, number: int, shard: Shard[Any, Any] | None = None) -> None:
        """Forget a shard and all that is cached of it; `shard` only if it is still that one."""
        if shard is not None and self._shards.get(number) is not shard:
            return
        self._shards.pop(number, None)
        if relay := self._relays.pop(number, None):
            cancel(relay)
        with suppress(KafkaError, ValueError, AssertionError):
            self._consumer.pause(*(TopicPartition(topic, number) for topic in self._service.topics))
        OWNED_SHARDS.set(len(self._shards))

    async def _tick(self) -> set[int] | None:
        """Every `tick` seconds: which shards have something due. None in between."""
        if time.monotonic() < self._next_tick or not self._shards:
            return None
        self._next_tick = time.monotonic() + self._settings.engine.tick
        self._export_lag()
        for shard in self._shards.values():
            shard.relay.export()
        await self._commit_for_monitoring()
        try:
            async with self._pool.acquire() as conn:
                return await store.shards_with_due(conn, list(self._shards), self._clock())
        except _PASSING as error:
            _log.warning("cannot look for timers", error=repr(error))
            return None

    async def _commit_for_monitoring(self) -> None:
        """Tell the broker where we stand: tools read lag there. We never do."""
        offsets = {
            TopicPartition(topic, n): shard.place(topic).next_offset
            for n, shard in self._shards.items()
            for topic in self._service.topics
        }
        with suppress(KafkaError, ValueError):
            await self._consumer.commit(offsets)

    def _export_lag(self) -> None:
        for number, shard in self._shards.items():
            for topic in self._service.topics:
                place, log = shard.place(topic), TopicPartition(topic, number)
                end = self._consumer.highwater(log)
                behind = max(0, end - place.next_offset) if end is not None else 0
                LAG_RECORDS.labels(topic, str(number)).set(behind)
                age = self._clock().timestamp() - place.newest_ms / 1000 if behind and place.newest_ms else 0.0
                LAG_SECONDS.labels(topic, str(number)).set(max(0.0, age))

    async def _drain(self) -> None:
        """Let the relays finish what is committed, within the grace time; the table keeps the rest."""
        relays = [shard.relay.drained() for shard in self._shards.values()]
        await first_of(asyncio.gather(*relays), timeout=self._settings.engine.grace)
        for number, shard in list(self._shards.items()):
            if shard.has_news_of_relay:
                await self._run(number, (), due=False)
        await self._commit_for_monitoring()


def _check_log(place: TopicPartition, stored: int, first: int, end: int) -> None:
    if not first <= stored <= end:
        raise LogChanged(
            f"{place.topic}[{place.partition}] holds offsets {first} to {end}, but the next to process is {stored}: "
            "the topic was truncated or made anew. Restore it, or settle the difference by hand; nothing was skipped."
        )
