"""The engine's tests share a broker and a database, which are empty when a test begins."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from engine_support.bench import Bench
from engine_support.paper_database import PaperDatabase
from engine_support.paper_loop import PaperLoop
from engine_support.small_service import Place, place_anew
from engine_support.tally import TABLES

from backorder_dev.reading import empty_topics
from backorder_dev.stack import Stack, fresh_database
from backorder_runtime.publisher import Publisher
from backorder_runtime.settings import DatabaseSettings, EngineSettings, KafkaSettings, Settings


@pytest_asyncio.fixture(loop_scope="session")
async def bench(stack: Stack) -> AsyncIterator[Bench]:
    """The small service on a broker whose topics are empty and a database that has only its tables."""
    await empty_topics(stack.broker.bootstrap_servers)
    async with fresh_database(stack.postgres) as database:
        settings = Settings(
            kafka=KafkaSettings(bootstrap_servers=stack.broker.bootstrap_servers, partitions=stack.partitions),
            database=DatabaseSettings(url=database.urls["inventory_sync"]),
            engine=EngineSettings(batch=50, tick=0.05),
        )
        pool = await asyncpg.create_pool(str(settings.database.url), min_size=1, max_size=8)
        for statement in TABLES:
            await pool.execute(statement)
        made = Bench(settings, pool, Publisher(settings.kafka))
        try:
            yield made
        finally:
            for runner, _, _ in list(made.running):
                await made.stop(runner, crash=True)
            made.publisher.close()
            await pool.close()


@pytest_asyncio.fixture(loop_scope="session")
async def here(stack: Stack) -> AsyncIterator[Place]:
    """A whole small service, not running yet, whose topics nobody has read."""
    async with place_anew(stack) as made:
        yield made


@pytest.fixture
def paper() -> PaperDatabase:
    """A database of paper."""
    return PaperDatabase()


@pytest_asyncio.fixture
async def new(monkeypatch: pytest.MonkeyPatch, paper: PaperDatabase) -> AsyncIterator[Callable[..., PaperLoop]]:
    """Makes processes of one service, which share the database of paper."""
    made: list[PaperLoop] = []

    def make(**given: Any) -> PaperLoop:
        made.append(PaperLoop(monkeypatch, paper, **given))
        return made[-1]

    yield make
    for loop in made:
        await loop.close()
