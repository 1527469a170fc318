"""Processes are replaced one after the other, and schemas are migrated, while orders flow: nothing is lost or doubled."""

import asyncio
import json
import os
import shutil
import sys
import time
from pathlib import Path

import pytest
import pytest_asyncio
from e2e_support.rolling import (
    CUSTOMER,
    ROLLED,
    TICK,
    TWINS,
    Flow,
    all_have_spoken,
    check_books,
    claims,
    failures,
    outputs,
    pauses,
    taken_over,
    waits,
)
from e2e_support.rolling import replace_process as replaced
from e2e_support.system import running_system

from backorder_dev.endpoints import SECRETS
from backorder_runtime import migrate
from backorder_runtime.settings import DatabaseSettings

pytestmark = [pytest.mark.stack, pytest.mark.alone]

GRACE = 20.0  # seconds in which a process has to end
AIM = 1.0  # second: of four pauses of a partition at most one is longer
PAUSE = float(os.environ.get("UPGRADE_PAUSE", "5"))  # seconds that none is longer than; on a machine that has time, AIM
STEADY = 1.5  # seconds of flow between two replacements


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def system(tmp_path_factory):
    """Two processes of each service."""
    async with running_system(tmp_path_factory.mktemp("system"), TWINS) as made:
        await made.query(
            "INSERT INTO notifier.contact (audience, recipient_id, email, updated_at) "
            "VALUES ('customer', $1, 'roll@customers.example', now())",
            CUSTOMER,
        )
        yield made


@pytest.fixture(scope="module")
def flow(system):
    """The orders of all tests, and the units for them."""
    return Flow(system)


async def test_a_rolling_restart_under_load_loses_and_doubles_nothing(system, flow, capsys):
    flowing = asyncio.create_task(flow.run())
    await _flow_on(system, flow, 3)
    await system.until(lambda: all_have_spoken(system))
    stopped = []
    for service in ROLLED:
        for name in (service.name, f"{service.name}-2"):
            stopped.append(await replaced(system, name))
            await _flow_on(system, flow, STEADY)
    await _rest(system, flow, flowing)
    told = await outputs(system)
    partitions = range(system.endpoints.partitions)
    lines = [f"{'stopped':18} {'ended after':>12} {'ready after':>12}   longest pause of its partitions, s"]
    silent = []
    for each in stopped:
        missed = [pauses(told[each.service][n], each.at, each.ready_at + STEADY) for n in partitions]
        silent += missed
        ready = each.ready_at - each.at
        lines.append(f"{each.name:18} {each.took:10.2f} s {ready:10.2f} s   " + " ".join(f"{s:5.2f}" for s in missed))
    times, longest = await waits(system, flow), max(silent)
    unsent, left = [claim["unsent"] for claim in claims(system)], taken_over(system, stopped)
    lines.append(
        f"{flow.orders} orders of {len(flow.parts)} lines, {1 / TICK:.0f} a second; longest pause {longest:.2f} s; an order "
        f"waited {times[len(times) // 2]:.2f} s (median), {times[-1]:.2f} s at most; {len(unsent)} claims, "
        f"{len(left)} of which followed a stop and {sum(map(bool, unsent))} found something to send again"
    )
    with capsys.disabled():
        sys.stdout.write("\n" + "\n".join(lines) + "\n")
    await check_books(system, flow)
    assert [each.code for each in stopped] == [0] * len(stopped)
    assert max(each.took for each in stopped) < GRACE
    assert {each.name for each, _ in left} == {each.name for each in stopped}, "each had shards, and others took them"
    assert [claim for _, claim in left if claim["unsent"]] == [], "who stops in order leaves nothing to send"
    assert longest < PAUSE
    assert sorted(silent)[len(silent) * 3 // 4] < AIM


async def test_a_migration_under_load_leaves_the_version_before_working(system, flow, tmp_path, monkeypatch):
    flowing = asyncio.create_task(flow.run())
    await _flow_on(system, flow, 1)
    began = time.time()
    urls = json.loads((Path(system.endpoints.mailbox).parent / SECRETS).read_text("utf-8"))
    for service in ROLLED:
        expanded = expand(service.module, tmp_path)
        with monkeypatch.context() as patched:
            patched.setattr(migrate, "folder_of", lambda _, expanded=expanded: expanded)
            await asyncio.to_thread(migrate.migrate, service.module, DatabaseSettings(url=urls[service.module]))
        # a pod of the version before that is started now runs its own migrations first
        at = await asyncio.to_thread(migrate.migrate, service.module, DatabaseSettings(url=urls[service.module]))
        assert at == "9999"
        await _flow_on(system, flow, STEADY)
    revisions = [await system.query(f"SELECT version_num FROM {each.module}.alembic_version") for each in ROLLED]  # noqa: S608
    assert revisions == [[("9999",)]] * len(ROLLED)
    assert failures(system, began) == [], "the version that runs noticed nothing"
    stopped = [await replaced(system, service.name) for service in ROLLED]
    await _flow_on(system, flow, STEADY)
    await _rest(system, flow, flowing)
    await check_books(system, flow)
    assert [each.code for each in stopped] == [0] * len(stopped), "it starts and stops on the newer schema"


EXPAND = '''
"""What a later version may add."""

from alembic import op

revision = "9999"
down_revision = "{newest}"


def upgrade() -> None:
    """A table, and a column of one that is in use."""
    op.execute("CREATE TABLE added_later (name text PRIMARY KEY, amount bigint NOT NULL)")
    op.execute("ALTER TABLE {table} ADD COLUMN added_later text")
'''
IN_USE = {
    "inventory_sync": "stock_version",
    "gap_detector": "line",
    "priority_router": "back_order",
    "notifier": "notification",
}


def expand(module, folder):
    """A folder with the migrations of a service, and one more."""
    expanded = folder / module
    shutil.copytree(migrate.folder_of(module), expanded, ignore=shutil.ignore_patterns("__pycache__"))
    (expanded / "9999_later.py").write_text(EXPAND.format(newest=migrate.newest(module), table=IN_USE[module]), "utf-8")
    return expanded


async def _flow_on(system, flow, seconds):
    goal = flow.orders + round(seconds / TICK)

    async def enough():
        return flow.orders >= goal

    await system.until(enough)


async def _rest(system, flow, flowing):
    """Let the flow end, and everything that follows from it."""
    flow.stop()
    await flowing
    await system.until_rest()
    await system.until(lambda: _all_told(system))
    await system.until_rest()


async def _all_told(system):
    return not await system.query("SELECT 1 FROM notifier.notification WHERE finished_at IS NULL LIMIT 1")
