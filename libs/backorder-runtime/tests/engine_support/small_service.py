"""A whole service with an intake, small enough to see through, in a database that was migrated for inventory-sync."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
import msgspec
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from backorder_contracts.refusal import Reason, Refused
from backorder_dev.reading import empty_topics, end_offsets
from backorder_dev.stack import Stack, fresh_database
from backorder_dev.topics import create_topics
from backorder_runtime import migrate
from backorder_runtime.clock import Clock, utc_now
from backorder_runtime.handler import Arrived
from backorder_runtime.outbox import Wire
from backorder_runtime.publisher import Publisher
from backorder_runtime.record import Message, Record
from backorder_runtime.service import Service, run
from backorder_runtime.settings import DatabaseSettings, EngineSettings, HttpSettings, KafkaSettings, Settings
from backorder_runtime.topic_watch import Topics
from engine_support.tally import TOPIC, Tally

INPUT = "stock-changed"
ITS_TOPICS = (INPUT, TOPIC, "inventory-sync.dead-letter")
LANE = "P@W1"


class WordIntake:
    """Sends each word of `stock-changed` to the lane; `bad` is refused."""

    topics = (INPUT,)

    def translate(self, record: Record) -> Sequence[Message]:
        if record.value == b"bad":
            raise Refused(Reason.NOT_JSON, "the word is bad")
        return [Message(TOPIC, LANE, "word", json.dumps((record.value or b"").decode()).encode())]


class Words(Tally):
    """Counts the words of a lane, which come in bundles from the intake, or as a test sends them."""

    def decode(self, record: Record) -> Arrived[str] | None:
        return super().decode(msgspec.structs.replace(record, value=(record.value or b"").strip(b'"')))


SERVICE = Service("inventory-sync", "inventory_sync", (TOPIC,), lambda _shard, _running: Words(), WordIntake())


@dataclass
class Place:
    """Where the service runs: a broker and a database. `urls` has the other roles of the database, too."""

    settings: Settings
    urls: dict[str, str]
    pool: Any

    async def run(self, *, clock: Clock = utc_now, stop: asyncio.Event | None = None, **settings: Any) -> None:
        await run(SERVICE, self.settings.model_copy(update=settings), stop or asyncio.Event(), clock)

    @asynccontextmanager
    async def running(self, **settings: Any) -> AsyncIterator["asyncio.Task[None]"]:
        """Run it as long as the block, which may also see it stop by itself."""
        stop = asyncio.Event()
        task = asyncio.create_task(self.run(stop=stop, **settings))
        try:
            yield task
        finally:
            stop.set()
            if not task.done():
                await asyncio.wait_for(task, 30)

    async def send(self, *words: str, topic: str = INPUT) -> None:
        publisher = Publisher(self.settings.kafka)
        await publisher.publish([Wire(topic, LANE.encode(), word.encode(), ()) for word in words])
        publisher.close()

    async def send_as(self, source: str, *words: tuple[int, str]) -> None:
        """Send words to the lane with the numbers that this publisher gave them."""
        publisher = Publisher(self.settings.kafka)
        for number, word in words:
            headers = (("ce_source", source.encode()), ("ce_sequence", str(number).encode()))
            await publisher.publish([Wire(TOPIC, LANE.encode(), word.encode(), headers)])
        publisher.close()

    async def counted(self) -> int:
        return int(await self.pool.fetchval("SELECT coalesce(sum(count), 0) FROM tally"))

    async def until_counted(self, wanted: int, task: "asyncio.Task[None] | None" = None) -> None:
        """Wait for so many words; raises what the service stopped with meanwhile."""
        async with asyncio.timeout(60):
            while await self.counted() < wanted:
                if task is not None and task.done():
                    task.result()
                await asyncio.sleep(0.02)

    async def process(self, *words: str) -> None:
        """Run until these words are counted, and stop in order."""
        wanted = await self.counted() + len(words)
        await self.send(*words)
        async with self.running() as task:
            await self.until_counted(wanted, task)

    async def truncate(self, topic: str) -> None:
        """Lose everything that stands on a topic."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.settings.kafka.bootstrap_servers)
        await admin.start()
        ends = await end_offsets(self.settings.kafka.bootstrap_servers, [topic])
        await admin.delete_records({at: RecordsToDelete(before_offset=end) for at, end in ends.items() if end})
        await admin.close()


@asynccontextmanager
async def place(stack: Stack, **engine: Any) -> AsyncIterator[Place]:
    """A database of its own, migrated, on a stack whose topics are empty: it knows of nothing that stood there."""
    await empty_topics(stack.broker.bootstrap_servers)
    async with fresh_database(stack.postgres) as database:
        settings = Settings(
            kafka=KafkaSettings(bootstrap_servers=stack.broker.bootstrap_servers, partitions=stack.partitions),
            database=DatabaseSettings(url=database.urls["inventory_sync"]),
            http=HttpSettings(host="127.0.0.1", port=0),
            engine=EngineSettings(**({"poll": 0.02, "tick": 0.05, "topic_watch": 0.2} | engine)),
        )
        await asyncio.to_thread(migrate.migrate, "inventory_sync", settings.database)
        pool = await asyncpg.create_pool(str(settings.database.url), min_size=1, max_size=2)
        await pool.execute("CREATE TABLE tally (lane text PRIMARY KEY, count bigint, seen text[])")
        try:
            yield Place(settings, database.urls, pool)
        finally:
            await pool.close()


async def make_anew(kafka: KafkaSettings, *names: str) -> None:
    """Delete topics, and make them again as they were."""
    topics = Topics(kafka)
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap_servers)
    await admin.start()
    try:
        async with asyncio.timeout(60):
            while left := await topics.describe(names):
                await admin.delete_topics(list(left))
            while set(names) & set(await admin.list_topics()):  # only then are they made, not waited for
                await asyncio.sleep(0.02)
    finally:
        await admin.close()
    await create_topics(kafka.bootstrap_servers, partitions=kafka.partitions)


@asynccontextmanager
async def place_anew(stack: Stack) -> AsyncIterator[Place]:
    """A place with topics that nobody has read, whatever a test did to them before."""
    kafka = KafkaSettings(bootstrap_servers=stack.broker.bootstrap_servers, partitions=stack.partitions)
    await make_anew(kafka, *ITS_TOPICS)
    async with place(stack) as made:
        yield made
