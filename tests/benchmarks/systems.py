"""The systems that the benchmarks measure: a real broker and database, the services, and a subscriber."""

import asyncio
import os
import signal
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import trade
from confluent_kafka import Consumer, TopicPartition
from ledger_backlog import positions
from meters import processes
from subscriber import Subscriber

from backorder_dev.local_run import LocalRun, running
from backorder_dev.services import SERVICES, Service
from backorder_runtime.outbox import Wire
from backorder_runtime.publisher import Publisher
from backorder_runtime.settings import KafkaSettings

LIMIT = 300.0  # seconds that a step may take
_PATIENCE = 5.0  # seconds for which services may stand still before their group gives their partitions to others
_POSTGRES = {"max_wal_size": "8GB"}  # as deploy/k8s sets it for production: see docs/performance/ceiling.md
_TOLD = ("back-order-state", "back-order-queue")  # what a ledger publishes that refuses nothing

Place = tuple[str, int]  # topic and partition


class System:
    """A running system, with what a measurement needs of it."""

    def __init__(self, run: LocalRun, publisher: Publisher, database: "asyncpg.Connection[Any]") -> None:
        self.run = run
        self.found = run.endpoints()
        self.pids = processes(self.found)
        self.beside: list[int] = []  # processes that work here and are no services of ours
        self._standing_still: set[int] = set()
        self.publisher = publisher
        self.database = database
        self._reader = Consumer({"bootstrap.servers": self.found.kafka, "group.id": "benchmark"})
        self.levels: Counter[int] = Counter()  # units that came for parts without stock

    @property
    def workers(self) -> list[int]:
        """Whoever works on what is published, as it is now: a service may have been started again."""
        pids = [service["pid"] for service in self.run.endpoints().services.values()] + self.beside
        return [pid for pid in pids if pid not in self._standing_still]

    async def backlog(self, wires: Sequence[Wire]) -> None:
        """Publish while no worker runs; they go on when everything stands in its topic."""
        with _still(self.workers):
            async with asyncio.timeout(_PATIENCE):
                await self.publisher.publish(wires)

    @contextmanager
    def only(self, service: str) -> Iterator[None]:
        """No other service runs for as long as the block lasts. If that is long they have to join their groups again."""
        own = self.run.endpoints().services[service]["pid"]
        self._standing_still = {pid for pid in self.workers if pid != own}
        try:
            with _still(self._standing_still):
                yield
        finally:
            self._standing_still = set()

    async def until(self, query: str, expected: int) -> None:
        """Wait until a query says at least so much. Raises TimeoutError."""
        async with asyncio.timeout(LIMIT):
            while (await self.database.fetchval(query) or 0) < expected:
                await asyncio.sleep(0.05)

    async def untold(self) -> int:
        """How many records the ledger has decided to publish and the broker has not, less those of other publishers.

        The outbox does not tell: what is confirmed leaves it with the next batch, or a second later.
        """
        decided = await self.database.fetchval("SELECT sum(next_sequence - 1)::bigint FROM gap_detector.shard")
        return int(decided) - await asyncio.to_thread(self._standing, _TOLD)

    async def until_told(self, at_rest: int) -> None:
        """Wait until no more is untold than at rest, while nobody but the ledger publishes. Raises TimeoutError."""
        async with asyncio.timeout(LIMIT):
            while await self.untold() > at_rest:
                await asyncio.sleep(0.005)

    def _standing(self, topics: Sequence[str]) -> int:
        """How many records the broker has confirmed of these topics since they were made."""
        return sum(self.ends([(topic, n) for topic in topics for n in range(self.found.partitions)]).values())

    def ends(self, places: Iterable[Place]) -> dict[Place, int]:
        """Where these partitions end."""
        return {place: self._reader.get_watermark_offsets(TopicPartition(*place))[1] for place in places}

    def close(self) -> None:
        """Ask the broker nothing more."""
        self._reader.close()


@contextmanager
def _still(pids: Collection[int]) -> Iterator[None]:
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


@asynccontextmanager
async def running_system(services: Sequence[Service] = SERVICES) -> AsyncIterator[System]:
    """A system for as long as the block lasts, its broker as it is when it runs for long, its database for much load."""
    os.environ["KAFKA_JVM_PERFORMANCE_OPTS"] = "-XX:+UseSerialGC"
    with tempfile.TemporaryDirectory(prefix="backorder-bench-", ignore_cleanup_errors=True) as folder:
        async with running(Path(folder), services, _POSTGRES) as run:
            publisher = Publisher(KafkaSettings(bootstrap_servers=run.endpoints().kafka))
            database = await asyncpg.connect(run.endpoints().database)
            system = System(run, publisher, database)
            try:
                yield system
            finally:
                system.close()
                await database.close()
                publisher.close()


@asynccontextmanager
async def stocked_ledger(lanes: int) -> AsyncIterator[System]:
    """A ledger that knows the stock of so many lanes; no other service runs."""
    only = [service for service in SERVICES if service.name == "gap-detector"]
    async with running_system(only) as system:
        await system.publisher.publish(positions(lanes, system.found.partitions))
        await system.until("SELECT count(*) FROM gap_detector.lane", lanes)
        yield system


@asynccontextmanager
async def subscribed(system: System) -> AsyncIterator[Subscriber]:
    """A subscriber; if it fails the measurement ends, since nothing would be seen any more."""
    async with asyncio.TaskGroup() as tasks:
        subscriber = Subscriber()
        watching = tasks.create_task(subscriber.run(system.found.kafka))
        await asyncio.to_thread(subscriber.ready.wait)
        yield subscriber
        watching.cancel()


@asynccontextmanager
async def stocked_system(lanes: int) -> AsyncIterator[tuple[System, Subscriber]]:
    """A system that knows the stock of so many lanes, and a subscriber."""
    async with running_system() as system, subscribed(system) as subscriber:
        await system.publisher.publish(
            [trade.stock(part, 0 if trade.is_short(part) else trade.PLENTY) for part in range(lanes)]
        )
        await system.until("SELECT count(*) FROM gap_detector.lane", lanes)
        yield system, subscriber
