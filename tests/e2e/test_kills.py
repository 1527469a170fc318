"""Every process is killed again and again under load; nothing is lost, and nothing is done twice."""

import asyncio
import os
import random
import sys

import pytest
import pytest_asyncio
from e2e_support.business import WITH_MAIL, Business, lanes_of
from e2e_support.killing import Kills, mortal_system
from e2e_support.reckoning import reckon, ship_at_rest, starts
from e2e_support.trading import shipments
from e2e_support.watching import LANE_GROUPS, Commits, States, beside, covered

pytestmark = pytest.mark.stack

SEED = int(os.environ.get("KILLS_SEED", "20261124"))
LINES = 1_500
TICKS = 100
TICK = 0.6  # seconds
KILLS = 4  # of each service
LIMIT = 540  # seconds for the whole


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def system(tmp_path_factory):
    async with mortal_system(tmp_path_factory.mktemp("system")) as made:
        yield made


async def test_kills_under_load_lose_and_double_nothing(system, capsys):
    business = Business(random.Random(SEED), lanes_of(30))
    customers = {f"C-{n}" for n in range(WITH_MAIL)}
    await system.query(
        "INSERT INTO notifier.contact (audience, recipient_id, email, updated_at) "
        "SELECT 'customer', name, name || '@customers.example', now() FROM unnest($1::text[]) AS name",
        sorted(customers),
    )
    states, commits = States(), Commits()
    kills = Kills(system, commits)
    kafka, partitions = system.endpoints.kafka, system.endpoints.partitions
    try:
        async with asyncio.timeout(LIMIT):
            async with beside(kill_all(kills), states.follow(kafka, partitions), commits.follow(kafka)) as (
                killing,
                *_,
            ):
                await trade(system, business, states, killing)
                before_the_end = await ship_at_rest(system, business, states.released)
            hits = len(kills.times("notifier", "postgres"))
            line = summary(system, business, kills, await reckon(system, business, before_the_end, customers, hits))
    except TimeoutError:
        pytest.fail(f"not done within {LIMIT} s: {len(business.lines)} lines, {kills.recovered}")
    with capsys.disabled():
        sys.stdout.write(f"\n{line}\n")


async def kill_all(kills):
    await kills.services(random.Random(SEED), KILLS)
    await kills.server("postgres")
    await kills.server("broker")


async def trade(system, business, states, killing):
    """Orders and all that goes with them; a little goes on until everything that was killed works again."""
    while business.tick_number < TICKS or not killing.done():
        missing = LINES - len(business.lines)
        left = max(1, TICKS - business.tick_number)
        wires = business.tick(max(1, round(missing / left / 3)))
        if (cover := await covered(system)) is not None:
            wires += shipments(business, states.released, cover, most=business.draw.randint(0, 8), careful=True)
        await asyncio.gather(system.publish_wires(wires), asyncio.sleep(TICK))
    await killing
    await system.publish_wires(business.rest())


def summary(system, business, kills, there):
    again = {name: starts(system, name) - 1 - len(kills.times(name)) for name in LANE_GROUPS}
    counted = business.counted
    services, servers = kills.times(), {name: kills.times(name)[0] for name in ("postgres", "broker")}
    return (
        f"{counted.total() - counted['repeated']} inputs ({len(business.lines)} order lines) and {counted['repeated']} "
        f"repeated; {len(kills.recovered)} kills ({len(services)} of services); {len(business.lines)} lines, "
        f"{counted['order-cancelled']} cancellations, {business.warehouse.version.total()} stock versions, "
        f"{len(business.deliveries)} deliveries, {there.letters} dead letters ({there.letters_again} repeated), "
        f"{there.told} outcomes ({there.told_again} repeated), {there.mails} mails; "
        f"lost 0, doubled 0 effects and {there.doubled} mails (at most {there.most}); "
        f"recovery p50 {services[len(services) // 2]:.1f} s, max {services[-1]:.1f} s; "
        + ", ".join(f"{name} {seconds:.1f} s" for name, seconds in servers.items())
        + f"; services that started again of themselves: {sum(again.values())}; seed {SEED}"
    )
