"""The loop of a lane service: claims the shards it is assigned, and runs batch after batch on each."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from asyncpg import Pool
from confluent_kafka import KafkaException

from backorder_runtime import claiming, database, lag, store
from backorder_runtime import consumer as kafka
from backorder_runtime.clock import Clock
from backorder_runtime.consumer import Partitions, PauseOnAssignment
from backorder_runtime.dead_letters import OriginReader
from backorder_runtime.lane_service import LaneService
from backorder_runtime.lifecycle import Every, Heartbeat, Pace, cancel, first_of
from backorder_runtime.outbox import OutboxBatch
from backorder_runtime.permissions import stop_if_denied
from backorder_runtime.publisher import Publisher, PublishingFailed
from backorder_runtime.record import Record
from backorder_runtime.refusal_limit import RefusalLimit
from backorder_runtime.relay import Relay
from backorder_runtime.retention import Rhythm
from backorder_runtime.settings import Settings
from backorder_runtime.shard import Shard
from backorder_runtime.store import Place
from backorder_runtime.telemetry import CLAIMS, FENCED, OWNED_SHARDS, PARKED_LANES

_log = structlog.get_logger()
# the database or the broker is away for a while: claim again when it is back
_PASSING = (*database.PASSING, KafkaError, KafkaException, PublishingFailed, store.Outdated)


async def _unwatched() -> None:
    pass


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
        check_topics: Callable[[], Awaitable[None]] = _unwatched,
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
        self._sought: set[int] = set()  # those of our shards that the consumer reads from where they stand
        self._changed = asyncio.Event()  # the assignment
        self._shards: dict[int, Shard[Any, Any]] = {}
        self._relays: dict[int, asyncio.Task[None]] = {}
        self._check_topics = check_topics
        self._topics_checked = True
        self._limit = RefusalLimit(service.name, service.topics, settings.engine)
        self._rhythm = Rhythm(settings.retention)
        self._pace = Pace(settings.engine.pace)
        self._tick_due = Every(settings.engine.tick)
        self._report_due = Every(settings.engine.report)
        self._joined = False
        self.heartbeat = Heartbeat(settings.engine.stall)

    @property
    def ready(self) -> bool:
        """Whether this process has joined its group and owns every shard that it was assigned."""
        return self._joined and self._assigned == set(self._shards)

    @property
    def owned(self) -> tuple[int, ...]:
        """The shards that this process owns now."""
        return tuple(n for n in self._shards if n in self._sought)

    async def run(self, stop: asyncio.Event) -> None:
        """Process until `stop` is set; then finish the batch at hand and let the relays finish."""
        listener = PauseOnAssignment(self._consumer, self._on_assigned, self._on_revoked)
        self._consumer.subscribe(topics=list(self._service.topics), listener=listener)
        await self._consumer.start()
        try:
            while not stop.is_set():
                self.heartbeat.beat()
                await self._pace.wait()
                await self._turn(stop)
            await self._drain()
        finally:
            for number in list(self._shards):
                self._drop(number)
            await self._consumer.stop()
            await self._origins.close()

    async def _turn(self, stop: asyncio.Event) -> None:
        self._changed.clear()
        if await self._topics_hold():
            self._take_up()
            await asyncio.gather(*map(self._claim, sorted(self._assigned - self._shards.keys())))
        for number, relay in list(self._relays.items()):
            if relay.done():
                if (error := relay.exception()) is not None:
                    stop_if_denied(error)
                _log.error("relay failed", shard=number, error=repr(error))
                self._drop(number)
        ringing = {number for number, shard in self._shards.items() if shard.rings_again}
        records = await self._poll(stop, 0 if ringing else self._settings.engine.poll)
        found = await self._tick()
        due = ringing | (found or set())
        work: dict[int, list[Record]] = defaultdict(list)
        for record in records:
            work[record.partition].append(record)
        reports = self._report_due.passed()
        idle = {n for n, shard in self._shards.items() if reports and shard.has_news_of_relay}
        await asyncio.gather(*(self._run_all(n, work[n], due=n in due) for n in {*work, *due, *idle}))
        if reports:
            await lag.commit(self._consumer, self._in_place())
        if found is not None and self._service.rules:
            await self._forget()

    async def _poll(self, stop: asyncio.Event, wait: float) -> list[Record]:
        engine = self._settings.engine
        owned = [place for n in self.owned for place in self._places(n)]
        if not owned:
            await first_of(stop.wait(), self._changed.wait(), timeout=engine.poll)
            return []
        polled = await first_of(
            kafka.poll(self._consumer, self._service.name, owned, wait, engine.batch),
            stop.wait(),
            self._changed.wait(),
            timeout=engine.stall / 2,
        )
        return polled or []

    async def _run_all(self, number: int, records: Sequence[Record], *, due: bool) -> None:
        """Run what was polled, in as many batches as it takes; none any more when the shard is dropped meanwhile."""
        for portion in kafka.portions(records, self._settings.engine.batch_bytes) if records else ((),):
            await self._run(number, portion, due=due)
            due = False

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
            stop_if_denied(error)
            _log.warning("batch failed, will claim again", shard=number, error=repr(error))
            self._drop(number, shard)
        else:
            await self._publish(number, shard, batch)

    async def _publish(self, number: int, shard: Shard[Any, Any], batch: OutboxBatch | None) -> None:
        if batch is not None and self._shards.get(number) is shard:
            relayed = shard.relay.put([batch], backlog=self._settings.engine.relay_backlog)
            # a relay that fails, or is cancelled because the shard was revoked, is no failure of this loop
            await first_of(relayed, asyncio.wait({self._relays[number]}))

    async def _forget(self) -> None:
        """Have one shard let go what is over. It works on when the database refuses that."""
        number = self._rhythm.due(self._shards)
        if number is None:
            return
        shard = self._shards[number]
        try:
            most = self._settings.retention.step_rows
            batch, more = await shard.forget(self._pool, self._service.rules, self._clock(), most)
        except store.Fenced as fenced:
            FENCED.inc()
            _log.warning("fenced", shard=number, detail=str(fenced))
            self._drop(number, shard)
        except _PASSING as error:  # should it be committed all the same, the next batch is fenced
            _log.warning("nothing was forgotten", shard=number, error=repr(error))
            self._rhythm.failed(number)
        else:
            self._rhythm.done(number, more=more)
            await self._publish(number, shard, batch)

    def _places(self, number: int) -> list[TopicPartition]:
        return [TopicPartition(topic, number) for topic in self._service.topics]

    def _take_up(self) -> None:
        """Read on where we stand: in shards just claimed, and in those that a rebalance left us, under their epoch."""
        for number in (self._assigned & self._shards.keys()) - self._sought:
            for place in self._places(number):
                self._consumer.seek(place, self._shards[number].place(place.topic).next_offset)
            self._consumer.resume(*self._places(number))
            self._sought.add(number)

    async def _topics_hold(self) -> bool:
        """Whether the topics are still the ones we know, since we were assigned; False while nobody can say."""
        if not self._topics_checked:
            self._topics_checked = True  # before the call: we may be assigned anew meanwhile
            try:
                await self._check_topics()
            except _PASSING as error:
                self._topics_checked = False
                stop_if_denied(error)
                _log.warning("cannot look at the topics", error=repr(error))
        return self._topics_checked

    async def _claim(self, number: int) -> None:
        places = self._places(number)
        try:
            taken = await claiming.take(self._consumer, self._pool, self._service.name, self._owner, places)
        except _PASSING as error:
            stop_if_denied(error)
            _log.warning("claim failed, will try again", shard=number, error=repr(error))
            return
        if number not in self._assigned:
            return
        claim = taken.claim
        relay = Relay(self._service.name, number, self._publisher, self._origins)
        relay.sent_sequence = claim.sent_sequence
        handler, partitions = self._service.new_handler(number), self._settings.kafka.partitions
        self._shards[number] = Shard(
            number, partitions, claim, taken.parked, handler, relay, self._service.sequenced, self._limit
        )
        self._relays[number] = asyncio.create_task(relay.run())
        await relay.put(taken.unsent, backlog=len(taken.unsent))
        self._take_up()
        CLAIMS.inc()
        OWNED_SHARDS.set(len(self._shards))
        _log.info("claimed", shard=number, epoch=claim.epoch, unsent=len(taken.unsent), owner=self._owner)

    def _on_assigned(self, places: Partitions) -> None:
        self._joined, self._topics_checked = True, False
        held: dict[int, set[str]] = defaultdict(set)
        for place in places:
            held[place.partition].add(place.topic)
        self._assigned = {n for n, topics in held.items() if topics == set(self._service.topics)}
        for number in self._shards.keys() - self._assigned:
            self._drop(number)
        self._changed.set()

    def _on_revoked(self, _places: Partitions) -> None:
        """Nothing is read until we are assigned again. What we are assigned then we still know."""
        self._assigned, self._sought = set(), set()

    def _drop(self, number: int, shard: Shard[Any, Any] | None = None) -> None:
        """Forget a shard and all that is cached of it; `shard` only if it is still that one."""
        if shard is not None and self._shards.get(number) is not shard:
            return
        self._shards.pop(number, None)
        self._sought.discard(number)
        if relay := self._relays.pop(number, None):
            cancel(relay)
        with suppress(KafkaError, ValueError, AssertionError):
            self._consumer.pause(*self._places(number))
        OWNED_SHARDS.set(len(self._shards))
        PARKED_LANES.labels(str(number)).set(0)  # whoever owns the shard next counts them

    async def _tick(self) -> set[int] | None:
        """Every `tick` seconds: which shards have something due. None in between."""
        if not self._shards or not self._tick_due.passed():
            return None
        lag.export(self._consumer, self._in_place(), self._clock())
        for shard in self._shards.values():
            shard.relay.export()
        try:
            async with self._pool.acquire() as conn:
                return await store.shards_with_due(conn, list(self._shards), self._clock())
        except _PASSING as error:
            _log.warning("cannot look for timers", error=repr(error))
            return None

    def _in_place(self) -> dict[TopicPartition, Place]:
        return {place: self._shards[n].place(place.topic) for n in self.owned for place in self._places(n)}

    async def _drain(self) -> None:
        """Let the relays finish what is committed, within the grace time; the table keeps the rest."""
        relays = [shard.relay.drained() for shard in self._shards.values()]
        await first_of(asyncio.gather(*relays), timeout=self._settings.engine.grace)
        for number, shard in list(self._shards.items()):
            if shard.has_news_of_relay:
                await self._run(number, (), due=False)
        await lag.commit(self._consumer, self._in_place())
