"""Every lane comes to stand by the policy in force, also one that a batch ranks by another while it is put in force."""

import asyncio
from types import SimpleNamespace

import asyncpg
import pytest
from router_shard import LANE, Queue, short

from priority_router import policies
from priority_router.policy_file import default_text
from priority_router.questions import lanes_left

FIRST = default_text()
NEXT = FIRST.replace('"2026-11-24.1"', '"next"').replace("72h", "71h")
_WAITS = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')"


@pytest.fixture
async def pool(database):
    made = await asyncpg.create_pool(await database.migrated("priority_router"), min_size=1, max_size=3)
    yield made
    await made.close()


@pytest.fixture
async def queue(pool):
    async with pool.acquire() as conn:
        yield Queue(conn)


class Change:
    """Another policy is put in force at some moment of a batch: until that is done, or waits for the batch."""

    def __init__(self, queue, pool, text, moment):
        self.queue, self.pool, self.text, self.moment = queue, pool, text, moment
        self.putting = None

    async def __call__(self, moment):
        if moment == self.moment and self.putting is None:
            assert self.queue.policies.take(self.text)
            running = SimpleNamespace(pool=self.pool)
            self.putting = asyncio.create_task(policies._put_in_force(self.queue.policies, running, asyncio.Event()))
            while not self.putting.done() and not await self.pool.fetchval(_WAITS):
                await asyncio.sleep(0.01)


async def check_that_all_stand_by(queue, pool, version):
    await queue.come_to_rest()
    assert await lanes_left(pool, version) == (1, 0)
    assert await queue.conn.fetchval("SELECT policy_version FROM lane_queue WHERE lane = $1", LANE) == version
    assert (await queue.order("A")).policy_version == version


@pytest.mark.parametrize("moment", ["loaded", "decided", "saved"])
async def test_a_lane_that_is_born_while_a_policy_is_put_in_force_is_ranked_by_it(queue, pool, moment):
    change = Change(queue, pool, NEXT, moment)
    await queue.take(short("A"), passing=change)
    await asyncio.wait_for(change.putting, 10)
    await check_that_all_stand_by(queue, pool, "next")


@pytest.mark.parametrize("moment", ["loaded", "decided", "saved"])
async def test_a_lane_that_takes_over_a_policy_while_that_is_taken_back_is_ranked_by_the_old_one(queue, pool, moment):
    await queue.take(short("A"))
    forth, back = Change(queue, pool, NEXT, "now"), Change(queue, pool, FIRST, moment)
    await forth("now")
    await asyncio.wait_for(forth.putting, 10)
    assert await queue.ring(passing=back)
    await asyncio.wait_for(back.putting, 10)
    await check_that_all_stand_by(queue, pool, queue.policies.current.version)
    assert queue.policies.current.version != "next"
