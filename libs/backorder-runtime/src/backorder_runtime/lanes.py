"""The loop of a lane service: runs batch after batch on the shards that this process owns."""

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer
from asyncpg import Pool

from backorder_runtime import consumer as kafka
from backorder_runtime import lag, store
from backorder_runtime.batch import Batch, Defect
from backorder_runtime.clock import Clock
from backorder_runtime.consumer import Partitions, PauseOnAssignment
from backorder_runtime.lane_service import LaneService
from backorder_runtime.lifecycle import Every, Heartbeat, any_of, cancel, first_of
from backorder_runtime.outbox import OutboxBatch
from backorder_runtime.ownership import PASSING, Ownership
from backorder_runtime.permissions import stop_if_denied
from backorder_runtime.publisher import Publisher
from backorder_runtime.record import Record
from backorder_runtime.retention import Rhythm
from backorder_runtime.settings import Settings
from backorder_runtime.shard import Shard
from backorder_runtime.telemetry import FAILED, FENCED
from backorder_runtime.transaction import run
from backorder_runtime.turns import Turns

_log = structlog.get_logger()


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
        self._clock = clock
        self._consumer: AIOKafkaConsumer = kafka.new_consumer(
            settings.kafka, f"backorder.{service.name}.lanes", offset_reset="none"
        )
        self._ours = Ownership(service, settings, pool, publisher, self._consumer, clock, owner)
        self._failures: Counter[int] = Counter()  # of a shard's transactions, in a row
        self._suspects: defaultdict[int, dict[str, str]] = defaultdict(dict)  # by shard, lanes that are to be parked
        self._check_topics = check_topics
        self._topics_checked = True
        self._rhythm = Rhythm(settings.retention)
        self._turns = Turns(self._consumer, service.name, settings.engine)
        self._tick_due = Every(settings.engine.tick)
        self._report_due = Every(settings.engine.report)
        self._stop = asyncio.Event()
        self._telling = lag.Telling(lambda: lag.commit(self._consumer, self._ours.places()))
        self.heartbeat = Heartbeat(settings.engine.stall)

    @property
    def ready(self) -> bool:
        """Whether this process has joined its group and owns every shard that it was assigned."""
        return self._ours.complete

    @property
    def owned(self) -> tuple[int, ...]:
        """The shards that this process owns now."""
        return self._ours.numbers

    async def run(self, stop: asyncio.Event) -> None:
        """Process until `stop` is set; then finish the batch at hand and let the relays finish."""
        self._stop = stop
        listener = PauseOnAssignment(self._consumer, self._on_assigned, self._ours.on_revoked)
        self._consumer.subscribe(topics=list(self._service.topics), listener=listener)
        await self._consumer.start()
        try:
            while not stop.is_set():
                self.heartbeat.beat()
                await self._turn()
            await self._drain()
        finally:
            self._telling.stop()
            await self._ours.close()
            await kafka.leave(self._consumer)

    async def _turn(self) -> None:
        self._ours.changed.clear()
        if await self._topics_hold():
            await self._ours.complete_claims()
        self._ours.drop_failed()
        ringing = {number for number, shard in self._ours.shards.items() if shard.rings_again}
        reading = self._poll(0 if ringing else self._settings.engine.poll)
        # what is looked for now and then is looked for while the loop rests and reads anyhow
        records, found = await asyncio.gather(reading, self._tick())
        due = frozenset(ringing | found)
        work: dict[int, list[Record]] = defaultdict(list)
        for record in records:
            work[record.partition].append(record)
        reports = self._report_due.passed()
        if reports:
            self._telling.start()
        sent = {n for n, shard in self._ours.shards.items() if reports and shard.has_news_of_relay}
        await self._run_turn({n: work[n] for n in {*work, *due, *sent} & self._ours.shards.keys()}, due)

    async def _poll(self, wait: float) -> list[Record]:
        reading = self._turns.read(self._ours.places, wait)
        patience = self._settings.engine.stall / 2
        return await first_of(reading, self._stop.wait(), self._ours.changed.wait(), timeout=patience) or []

    async def _run_turn(self, work: Mapping[int, Sequence[Record]], due: frozenset[int]) -> None:
        """Run what was polled: all shards in one transaction while that is little, else each for itself.

        Each for itself, too, and less of it each time, when it has failed: it may be what they have to do with each
        other, or more than the database takes at once.
        """
        apart = {n for n in work if self._turns.plenty or self._failures[n] or self._ours.shards[n].rings_again}
        groups = [[n] for n in apart] + ([[*together]] if (together := work.keys() - apart) else [])
        ends = time.monotonic() + self._settings.engine.turn
        running = (self._run_all({n: work[n] for n in group}, due, ends) for group in groups)
        if left := [number for number in await asyncio.gather(*running) if number is not None]:
            _log.info("turn over", left=left)
        for number in left:
            self._ours.read_again(number)

    async def _run_all(self, work: Mapping[int, Sequence[Record]], due: frozenset[int], ends: float) -> int | None:
        """Run the records of a group, those of one shard in as many batches as it takes.

        Returns the shard whose last ones were left, since the turn is over or the loop is to stop.
        """
        if len(work) > 1:
            await self._run(work, due)
            return None
        ((number, records),) = work.items()
        most = self._settings.engine.batch_bytes >> self._failures[number]
        for n, portion in enumerate(kafka.portions(records, most) if records else ((),)):
            if n and (self._stop.is_set() or time.monotonic() >= ends):
                return number
            await self._run({number: portion}, due)
            due = frozenset()
        return None

    async def _run(self, work: Mapping[int, Sequence[Record]], due: frozenset[int]) -> None:
        # what was revoked since the records were sorted is read again by whoever claims it
        shards = {n: shard for n in work if (shard := self._ours.shards.get(n)) is not None}
        if not shards:
            return
        self.heartbeat.beat()  # a turn may have many transactions: it stands still when none of them begins
        batches = [Batch(shard, work[n], due=n in due, suspects=self._suspects.get(n)) for n, shard in shards.items()]
        try:
            published = await run(self._pool, batches, self._clock, self.heartbeat.beat)
        except store.Fenced as fenced:
            self._drop_fenced({n: shards[n] for n in fenced.shards})
            await self._run({n: work[n] for n in shards.keys() - fenced.shards}, due)
        except Defect as defect:
            if self._ours.shards.get(defect.shard) is shards[defect.shard]:  # else whoever has it finds out for himself
                self._suspects[defect.shard].update(defect.lanes)
            self._claim_again(shards)
        except PASSING as error:
            stop_if_denied(error)
            _log.warning("batch failed, will claim again", shards=[*shards], error=repr(error))
            self._claim_again(shards)
        else:
            for number in shards:
                del self._failures[number]
            for batch in batches:
                self._know_better(batch)
            await asyncio.gather(*(self._publish(n, shards[n], batch) for n, batch in published.items()))

    def _claim_again(self, shards: Mapping[int, Shard[Any, Any]]) -> None:
        FAILED.inc()
        self._failures.update(shards.keys())
        for number, shard in shards.items():
            self._ours.drop(number, shard)

    def _know_better(self, batch: Batch[Any, Any]) -> None:
        """Forget suspects that are parked now."""
        if suspects := self._suspects.get(batch.shard.number):
            for lane in batch.outcome.errors:
                suspects.pop(lane, None)

    def _drop_fenced(self, shards: Mapping[int, Shard[Any, Any]]) -> None:
        FENCED.inc(len(shards))
        _log.warning("fenced", shards=[*shards])
        for number, shard in shards.items():
            self._ours.drop(number, shard)

    async def _publish(self, number: int, shard: Shard[Any, Any], batch: OutboxBatch) -> None:
        if self._ours.shards.get(number) is not shard:
            return
        shard.relay.put([batch])
        if shard.relay.pending > self._settings.engine.relay_backlog:
            await self._room(shard, self._ours.relays[number])

    async def _room(self, shard: Shard[Any, Any], relaying: asyncio.Task[None]) -> None:
        """Wait for a relay that is behind, because the broker is slow or away: that is no stall of ours.

        A relay that fails, or is cancelled because the shard was revoked, is no failure of this loop.
        """
        room = asyncio.ensure_future(shard.relay.room(self._settings.engine.relay_backlog))
        await any_of({room, relaying}, self._stop, self._glance)
        cancel(room)

    async def _forget(self) -> None:
        """Have one shard let go what is over. It works on when the database refuses that."""
        number = self._rhythm.due(self._ours.shards)
        if number is None:
            return
        shard = self._ours.shards[number]
        try:
            most = self._settings.retention.step_rows
            batch, more = await shard.forget(self._pool, self._service.rules, self._clock(), most)
        except store.Fenced:
            self._drop_fenced({number: shard})
        except PASSING as error:
            _log.warning("nothing was forgotten", shard=number, error=repr(error))
            self._rhythm.failed(number)
            self._ours.drop(number, shard)  # it may be committed all the same: the claim will tell
        else:
            self._rhythm.done(number, more=more)
            if batch is not None:
                await self._publish(number, shard, batch)

    async def _topics_hold(self) -> bool:
        """Whether the topics are still the ones we know, since we were assigned; False while nobody can say."""
        if not self._topics_checked:
            self._topics_checked = True  # before the call: we may be assigned anew meanwhile
            try:
                await self._check_topics()
            except PASSING as error:
                self._topics_checked = False
                stop_if_denied(error)
                _log.warning("cannot look at the topics", error=repr(error))
        return self._topics_checked

    def _on_assigned(self, places: Partitions) -> None:
        self._topics_checked = False
        for number in self._suspects.keys() - {place.partition for place in places}:
            del self._suspects[number]  # whoever has it now finds out for himself
        self._ours.on_assigned(places)

    async def _tick(self) -> set[int]:
        """Every `tick` seconds: let go what is over, and say which shards have something due; none in between."""
        if not self._ours.shards or not self._tick_due.passed():
            return set()
        self._export()
        try:
            async with self._pool.acquire() as conn:
                due = await store.shards_with_due(conn, list(self._ours.shards), self._clock())
        except PASSING as error:
            stop_if_denied(error)
            _log.warning("cannot look for timers", error=repr(error))
            return set()
        if self._service.rules:
            await self._forget()
        return due

    def _glance(self) -> None:
        self.heartbeat.beat()
        self._export()

    def _export(self) -> None:
        lag.export(self._consumer, self._ours.places(), self._clock())
        for shard in self._ours.shards.values():
            shard.relay.export()

    async def _drain(self) -> None:
        """Let the relays finish what is committed, within the grace time; the table keeps the rest."""
        # a relay that fails, or whose shard goes to somebody else meanwhile, finishes nothing any more
        relays = [
            first_of(shard.relay.room(0), asyncio.wait({self._ours.relays[number]}))
            for number, shard in self._ours.shards.items()
        ]
        await first_of(asyncio.gather(*relays), timeout=self._settings.engine.grace)
        for number, shard in list(self._ours.shards.items()):
            if shard.has_news_of_relay:
                await self._run({number: ()}, frozenset())
        await first_of(lag.commit(self._consumer, self._ours.places()), timeout=kafka.PARTING)
