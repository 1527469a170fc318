"""Each service is killed in the middle of thousands of order lines at once; nothing is lost, and nothing done twice.

That is where its batches are large, and much is decided and not sent.
"""

import asyncio
import os
import random
import sys
from statistics import median

import pytest
import pytest_asyncio
from e2e_support.backlog import backlogs
from e2e_support.business import Business, lanes_of
from e2e_support.killing import mortal_system
from e2e_support.reckoning import reckon, ship_at_rest, starts
from e2e_support.watching import LANE_GROUPS, States, beside

pytestmark = pytest.mark.stack

SEED = int(os.environ.get("KILLS_SEED", "20261124"))
KILLS = 2  # of each service
PARTS = 150  # each in two places
ORDERS = 1_000  # in a wave, with three lines as a rule
COUNTS = 10  # of each lane, in a wave of stock
DELAY = 0.3  # seconds at most from the first commit of a wave to the kill
LIMIT = 400  # seconds for the whole


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def system(tmp_path_factory):
    async with mortal_system(tmp_path_factory.mktemp("system")) as made:
        yield made


async def test_kills_in_the_middle_of_a_backlog_lose_and_double_nothing(system, capsys):
    business, states = Business(random.Random(SEED), lanes_of(PARTS)), States()
    try:
        async with asyncio.timeout(LIMIT):
            async with beside(states.follow(system.endpoints.kafka, system.endpoints.partitions)):
                hits = await kill_all(system, business)
                assert 2 * sum(hit.behind > 0 for hit in hits) >= len(hits), f"too few had something to do: {hits}"
                assert any(hit.unsent for hit in hits), f"none had anything to send: {hits}"
                await system.publish_wires(business.rest())
                before_the_end = await ship_at_rest(system, business, states.released)
            there = await reckon(system, business, before_the_end, set(), KILLS)
    except TimeoutError:
        pytest.fail(f"not done within {LIMIT} s: {len(business.lines)} lines")
    with capsys.disabled():
        sys.stdout.write(f"\n{summary(system, business, hits, there)}\n")


async def kill_all(system, business):
    """A wave for each kill, as soon as the one before is over."""
    draw, hits = random.Random(SEED), []
    async with backlogs(system) as lagging:
        for service in [name for _ in range(KILLS) for name in draw.sample(list(LANE_GROUPS), len(LANE_GROUPS))]:
            wires = business.tick(ORDERS) + (business.stock_wave(COUNTS) if service == "inventory-sync" else [])
            hits.append(await kill_in(system, lagging, service, wires, draw.uniform(0, DELAY)))
    return hits


async def kill_in(system, lagging, service, wires, delay):
    """Publish these at once, and kill the service a moment after it has begun with them."""
    before = await lagging.standing(service)

    async def has_begun():
        return (await lagging.standing(service)).got > before.got

    async with beside(system.publish_wires(wires)) as (publishing,):
        await system.until(has_begun, every=0.01)
        await asyncio.sleep(delay)
        hit = await lagging.kill(service)
        await publishing
    return hit


def summary(system, business, hits, there):
    again = sum(starts(system, name) - 1 - KILLS for name in LANE_GROUPS)
    behind, unsent = [hit.behind for hit in hits], [hit.unsent for hit in hits]
    recovered = [hit.recovered for hit in hits]
    return (
        f"{len(business.lines)} order lines, {business.warehouse.version.total()} stock versions; {len(hits)} kills, "
        f"{sum(map(bool, behind))} of a service that was behind: p50 {median(behind):.0f} records, max {max(behind)}, "
        f"and {median(unsent):.0f} batches not sent, max {max(unsent)}; {there.told} outcomes ({there.told_again} "
        f"repeated); lost 0, doubled 0 effects; "
        f"recovery p50 {median(recovered):.1f} s, max {max(recovered):.1f} s; "
        f"services that started again of themselves: {again}; seed {SEED}"
    )
