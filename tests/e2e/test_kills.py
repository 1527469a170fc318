"""Every process is killed again and again under load; nothing is lost, and nothing is done twice."""

import asyncio
import os
import random
import sys
from collections import Counter
from contextlib import asynccontextmanager
from email import message_from_bytes
from pathlib import Path
from unittest import mock

import pytest
import pytest_asyncio
from e2e_support import oracle
from e2e_support.business import REASON, WITH_MAIL, Business, lanes_of
from e2e_support.killing import Kills
from e2e_support.system import running_system
from e2e_support.trading import ship_everything, shipments
from e2e_support.watching import LANE_GROUPS, Commits, States, covered

pytestmark = pytest.mark.stack

SEED = int(os.environ.get("KILLS_SEED", "20261124"))
LINES = 1_500
TICKS = 100
TICK = 0.6  # seconds
KILLS = 4  # of each service
SENDERS = 2  # mails that a notifier has under way at most, and a crash may double
LIMIT = 540  # seconds for the whole

# a lease runs out soon after its sender was killed; nothing else of how the notifier sends is changed
QUICK = {"BACKORDER_SMTP__TIMEOUT": "2", "BACKORDER_PUSH__TIMEOUT": "2", "BACKORDER_NOTIFY__LEASE": "17"}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def system(tmp_path_factory):
    with mock.patch.dict(os.environ, QUICK):
        async with running_system(tmp_path_factory.mktemp("system")) as made:
            yield made


@asynccontextmanager
async def beside(*coroutines):
    """Run these while the block runs."""
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    try:
        yield tasks
        for task in tasks:
            if task.done():
                task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


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
                await system.until_rest(180)
                there = await oracle.ledgers(system)
                assert there["waiting"], "the two ledgers had something to disagree about"
                assert there["covered"] + there["allocated"] + there["released"], there
                before_the_end = business.warehouse.sent.copy()
                await ship_everything(system, business, states.released)
            line = await check(system, business, kills, before_the_end, customers)
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


async def check(system, business, kills, before_the_end, customers):
    """All that the oracle asks; returns the line that sums it up."""
    there = await oracle.ledgers(system)
    assert not any(there[name] for name in ("covered", "waiting", "allocated", "released")), there
    await oracle.every_line(system, business, before_the_end)
    await oracle.all_supply(system, business)
    letters, letters_again = await oracle.dead_letters(system, REASON)
    told, told_again, mails = await oracle.notifications(system, customers)
    files = await asyncio.to_thread(
        lambda: [file.read_bytes() for file in Path(system.endpoints.mailbox).glob("*.eml")]
    )
    received = Counter(message_from_bytes(file)["Message-ID"].strip() for file in files)
    assert mails <= received.keys(), "a mail that was sent did not arrive"
    doubled = received.total() - len(received)
    bound = SENDERS * (len(kills.times("notifier")) + len(kills.times("postgres")))
    assert doubled <= bound, f"{doubled} mails doubled, at most {bound} could be under way"
    again = {name: starts(system, name) - 1 - len(kills.times(name)) for name in LANE_GROUPS}
    counted = business.counted
    services, servers = kills.times(), {name: kills.times(name)[0] for name in ("postgres", "broker")}
    return (
        f"{counted.total() - counted['repeated']} inputs ({len(business.lines)} order lines) and {counted['repeated']} "
        f"repeated; {len(kills.recovered)} kills ({len(services)} of services); {len(business.lines)} lines, "
        f"{counted['order-cancelled']} cancellations, {business.warehouse.version.total()} stock versions, "
        f"{len(business.deliveries)} deliveries, {letters} dead letters ({letters_again} repeated), {told} outcomes "
        f"({told_again} repeated), {len(mails)} mails; lost 0, doubled 0 effects and {doubled} mails (at most {bound}); "
        f"recovery p50 {services[len(services) // 2]:.1f} s, max {services[-1]:.1f} s; "
        + ", ".join(f"{name} {seconds:.1f} s" for name, seconds in servers.items())
        + f"; services that started again of themselves: {sum(again.values())}; seed {SEED}"
    )


def starts(system, service):
    log = Path(system.endpoints.mailbox).parent / "logs" / f"{service}.log"
    return log.read_bytes().count(b'"event": "starting"')
