"""Which shards this process owns: assigned by the group, claimed in the database, read from where they stand."""

import asyncio
from collections import defaultdict
from contextlib import suppress
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from asyncpg import Pool
from confluent_kafka import KafkaException

from backorder_runtime import claiming, database, lag, past, store
from backorder_runtime.clock import Clock
from backorder_runtime.consumer import Partitions
from backorder_runtime.dead_letters import OriginReader
from backorder_runtime.lane_service import LaneService
from backorder_runtime.lifecycle import cancel
from backorder_runtime.permissions import stop_if_denied
from backorder_runtime.publisher import ProducerBroken, Publisher, PublishingFailed
from backorder_runtime.refusal_limit import RefusalLimit
from backorder_runtime.relay import Relay
from backorder_runtime.settings import Settings
from backorder_runtime.shard import Shard
from backorder_runtime.store import Place
from backorder_runtime.telemetry import CLAIMS, OWNED_SHARDS, PARKED_LANES

_log = structlog.get_logger()
PASSING = (*database.PASSING, KafkaError, KafkaException, PublishingFailed, store.Outdated)
"""What is raised while the database or the broker is away: claim again when it is back."""


class Ownership:
    """The shards of this process, each with the task of its relay.

    `changed` is set when the assignment has changed; `joined` while there is one.
    """

    def __init__(
        self,
        service: LaneService,
        settings: Settings,
        pool: "Pool[Any]",
        publisher: Publisher,
        consumer: AIOKafkaConsumer,
        clock: Clock,
        owner: str,
    ) -> None:
        self._clock = clock
        self._service = service
        self._settings = settings
        self._pool = pool
        self._publisher = publisher
        self._consumer = consumer
        self._owner = owner
        self._origins = OriginReader(settings.kafka)
        self._limit = RefusalLimit(service.name, service.topics, settings.engine)
        self._assigned: set[int] = set()
        self._sought: set[int] = set()  # those of our shards that the consumer reads from where they stand
        self._numbered: dict[int, int] = {}  # the next number of shards that were ours, when we let them go
        self.shards: dict[int, Shard[Any, Any]] = {}
        self.relays: dict[int, asyncio.Task[None]] = {}
        self.changed = asyncio.Event()
        self.joined = False

    @property
    def complete(self) -> bool:
        """Whether this process has joined its group and owns every shard that it was assigned."""
        return self.joined and self._assigned == set(self.shards)

    @property
    def numbers(self) -> tuple[int, ...]:
        """The shards that are ours now, and read from where they stand."""
        return tuple(n for n in self.shards if n in self._sought)

    def places(self) -> dict[TopicPartition, Place]:
        """The partitions that we read, and where we stand in each."""
        return {place: self.shards[n].place(place.topic) for n in self.numbers for place in self._inputs(n)}

    def _inputs(self, number: int) -> list[TopicPartition]:
        return [TopicPartition(topic, number) for topic in self._service.topics]

    def on_assigned(self, places: Partitions) -> None:
        """Have what the group gives us. What we knew of a shard that was not given to us again is out of date."""
        self.joined = True
        held: dict[int, set[str]] = defaultdict(set)
        for place in places:
            held[place.partition].add(place.topic)
        self._assigned = {n for n, topics in held.items() if topics == set(self._service.topics)}
        for number in self.shards.keys() - self._assigned:
            self.drop(number)
        self.changed.set()

    def on_revoked(self, _places: Partitions) -> None:
        """Nothing is read until we are assigned again. What we are assigned then we still know."""
        self.joined = False
        self._assigned, self._sought = set(), set()

    async def complete_claims(self) -> None:
        """Claim what is assigned and not ours yet, once the service is prepared; read on where each shard stands."""
        self._take_up()
        if self._service.prepared():
            await asyncio.gather(*map(self._claim, sorted(self._assigned - self.shards.keys())))

    def _take_up(self) -> None:
        """Read on where we stand: in shards just claimed, and in those that a rebalance left us, under their epoch."""
        for number in (self._assigned & self.shards.keys()) - self._sought:
            for place in self._inputs(number):
                self._consumer.seek(place, self.shards[number].place(place.topic).next_offset)
            self._sought.add(number)

    def read_again(self, number: int) -> None:
        """Read a shard from where it stands, before what was fetched of it: not all of that was processed."""
        self._sought.discard(number)

    async def _claim(self, number: int) -> None:
        places = self._inputs(number)
        try:
            taken = await claiming.take(self._consumer, self._pool, self._service.name, self._owner, places)
        except PASSING as error:
            stop_if_denied(error)
            _log.warning("claim failed, will try again", shard=number, error=repr(error))
            return
        claim = taken.claim
        past.check_claim(self._service.name, number, claim.next_sequence, self._numbered.get(number, 0))
        if number not in self._assigned:
            return
        for place in claim.places.values():
            place.newest_ms = int(1000 * self._clock().timestamp())
        relay = Relay(self._service.name, number, self._publisher, self._origins)
        relay.sent_sequence = claim.sent_sequence
        handler, partitions = self._service.new_handler(number), self._settings.kafka.partitions
        self.shards[number] = Shard(
            number,
            partitions,
            claim,
            taken.parked,
            handler,
            relay,
            self._service.sequenced,
            self._limit,
            self._service.readers,
        )
        self.relays[number] = asyncio.create_task(relay.run())
        relay.put(taken.unsent)
        self._take_up()
        CLAIMS.inc()
        OWNED_SHARDS.set(len(self.shards))
        _log.info("claimed", shard=number, epoch=claim.epoch, unsent=len(taken.unsent), owner=self._owner)

    def drop_failed(self) -> None:
        """Let go the shards whose relay has failed. Raises `ProducerBroken`: no other relay will do better."""
        for number, relay in list(self.relays.items()):
            if relay.done():
                if (error := relay.exception()) is not None:
                    stop_if_denied(error)
                if isinstance(error, ProducerBroken):
                    raise error
                _log.error("relay failed", shard=number, error=repr(error))
                self.drop(number)

    def drop(self, number: int, shard: Shard[Any, Any] | None = None) -> None:
        """Forget a shard and all that is cached of it; `shard` only if it is still that one."""
        if shard is not None and self.shards.get(number) is not shard:
            return
        if dropped := self.shards.pop(number, None):
            self._numbered[number] = dropped.next_sequence
            dropped.relay.forget()
            lag.forget(self._inputs(number))
        self._sought.discard(number)
        if relay := self.relays.pop(number, None):
            cancel(relay)
        with suppress(KafkaError, ValueError, AssertionError):
            self._consumer.pause(*self._inputs(number))
        OWNED_SHARDS.set(len(self.shards))
        PARKED_LANES.labels(str(number)).set(0)  # whoever owns the shard next counts them

    async def close(self) -> None:
        """Let everything go, and what is being claimed."""
        self._assigned = set()
        for number in list(self.shards):
            self.drop(number)
        await self._origins.close()
