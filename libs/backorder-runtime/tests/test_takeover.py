"""A shard changes hands though its owner stands still in the middle of a batch."""

import asyncio
import time

import asyncpg
import pytest
from engine_support.bench import Bench
from engine_support.tally import TOPIC

from backorder_runtime import store

pytestmark = pytest.mark.stack


async def test_an_owner_that_is_frozen_in_mid_transaction_does_not_keep_its_shard(bench: Bench) -> None:
    async with bench.pool.acquire() as frozen, bench.pool.acquire() as other:
        first = await store.claim(frozen, 2, "frozen", {TOPIC: 0})
        batch = frozen.transaction()
        await batch.start()
        await store.advance(frozen, [store.Fence(2, first.epoch, 0, {})])  # and now its process is stopped
        began = time.monotonic()
        with pytest.raises(asyncpg.LockNotAvailableError):
            await store.claim(other, 2, "other", {TOPIC: 0})
        async with asyncio.timeout(20):
            while True:
                try:
                    second = await store.claim(other, 2, "other", {TOPIC: 0})
                except asyncpg.LockNotAvailableError:
                    continue
                break
        assert second.epoch == first.epoch + 1
        assert time.monotonic() - began < 15, "its server would have ended that transaction after a minute"
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
            await batch.commit()


async def test_an_owner_that_finishes_in_time_is_let_finish(bench: Bench) -> None:
    async with bench.pool.acquire() as slow, bench.pool.acquire() as other:
        first = await store.claim(slow, 2, "slow", {TOPIC: 0})
        async with slow.transaction():
            await store.advance(slow, [store.Fence(2, first.epoch, 0, {})])
            claiming = asyncio.create_task(store.claim(other, 2, "other", {TOPIC: 0}))
            waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            await bench.until(lambda: bench.pool.fetchval(waiting))
        assert (await claiming).epoch == first.epoch + 1
        assert await slow.fetchval("SELECT 1") == 1, "its connection is whole"
