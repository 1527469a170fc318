"""What has services go on after a restore: all of it at once, or nothing, and only while nothing runs."""

import asyncpg
import pytest
import pytest_asyncio

from backorder_contracts.topics import TOPICS
from backorder_dev.restored import SCRIPT, go_on

pytestmark = pytest.mark.stack

JUMP = 1_000_000_000_000
BEGUN = """
INSERT INTO {0}.topic_pin VALUES ('{1}', 'id', 3, 'cluster', now()), ('order-placed', 'id', 12, 'cluster', now());
INSERT INTO {0}.shard VALUES (0, 5, 'a', now(), 101, 99), (1, 5, 'a', now(), 7, 6);
INSERT INTO {0}.shard_input VALUES (0, '{1}', 9, 0), (1, '{1}', 9, 0)
"""
STANDS = "SELECT shard, epoch, owner, next_sequence, sent_sequence FROM {}.shard ORDER BY shard"
VOID = "SELECT source, first, last FROM {}.void_number ORDER BY source, first"


@pytest_asyncio.fixture(loop_scope="session")
async def admin(database):
    """An administrator's connection to a database in which two services had shards 0 and 1 of 3."""
    for module in ("gap_detector", "priority_router"):
        await database.migrated(module)
    made = await asyncpg.connect(database.admin_url)
    try:
        for module, topic in (("gap_detector", "order-line"), ("priority_router", "back-order-queue")):
            await made.execute(BEGUN.format(module, topic))
        yield made
    finally:
        await made.close()


async def test_numbers_go_on_far_beyond_and_those_between_are_void_for_every_reader(admin, database):
    said = await go_on(database.admin_url)
    assert [line.partition(":")[0] for line in said] == ["gap_detector", "priority_router"]
    assert said[0].endswith("which stood: 0 at 101, 1 at 7, 2 at 1")
    for module in ("gap_detector", "priority_router"):
        rows = await admin.fetch(STANDS.format(module))
        assert [tuple(row) for row in rows] == [
            (0, 6, None, 101 + JUMP, 99),
            (1, 6, None, 7 + JUMP, 6),
            (2, 1, None, 1 + JUMP, 0),  # nobody had owned it at that moment; somebody may have later
        ]
        assert [tuple(row) for row in await admin.fetch(VOID.format(module))] == [
            (f"/backorder/{publisher}/{shard}", first, first + JUMP - 1)
            for publisher in ("gap-detector", "priority-router")
            for shard, first in enumerate((101, 7, 1))
        ]


async def test_a_dry_run_says_the_same_and_does_nothing(admin, database):
    said = await go_on(database.admin_url, dry_run=True)
    assert await admin.fetch(VOID.format("gap_detector")) == []
    assert await admin.fetchval("SELECT next_sequence FROM gap_detector.shard WHERE shard = 0") == 101
    assert await go_on(database.admin_url) == said


async def test_said_again_it_does_no_harm(admin, database):
    await go_on(database.admin_url)
    await go_on(database.admin_url)
    row = await admin.fetchrow("SELECT count(*), max(last) FROM gap_detector.void_number WHERE source LIKE '%gap%/0'")
    assert tuple(row) == (2, 101 + 2 * JUMP - 1)


async def test_while_a_service_runs_nothing_is_done(admin, database):
    running = await asyncpg.connect(database.urls["gap_detector"], server_settings={"application_name": "backorder"})
    try:
        with pytest.raises(asyncpg.RaiseError, match=r"services still run: gap_detector\. Stop all of them first"):
            await go_on(database.admin_url)
    finally:
        await running.close()
    assert await admin.fetch(VOID.format("gap_detector")) == []


async def test_after_a_reader_has_taken_what_was_lost_nothing_is_done(admin, database):
    await admin.execute("INSERT INTO priority_router.shard VALUES (2), (3) ON CONFLICT DO NOTHING")
    await admin.execute("UPDATE priority_router.shard_input SET last_sequence = 100 WHERE shard = 0")
    await go_on(database.admin_url, dry_run=True)  # so far the publisher had got
    await admin.execute("UPDATE priority_router.shard_input SET last_sequence = 101 WHERE shard = 0")
    with pytest.raises(
        asyncpg.RaiseError, match=r"priority_router has run since the restore, .* back-order-queue .* again"
    ):
        await go_on(database.admin_url)
    assert await admin.fetch(VOID.format("gap_detector")) == []


async def test_a_schema_from_before_is_migrated_first(admin, database):
    await admin.execute("DROP TABLE priority_router.void_number")
    with pytest.raises(asyncpg.RaiseError, match=r"priority_router is older .* `python -m priority_router migrate`"):
        await go_on(database.admin_url)


async def test_a_database_without_services_is_another_one(postgres):
    with pytest.raises(asyncpg.RaiseError, match="no service has tables in the database postgres"):
        await go_on(postgres.admin_url)


def test_it_knows_every_lane_topic_of_which_a_reader_keeps_the_number():
    modules = {name: name.replace("-", "_") for name in ("gap-detector", "inventory-sync", "priority-router")}
    for topic in TOPICS.values():
        publisher = modules.get(topic.publishers[0])
        by_lanes = set(topic.consumers) & modules.keys() and topic.name not in {"supply-entry", "queue-command"}
        counted = topic.partitions == "lane" and not topic.is_compacted and len(topic.publishers) == 1 and by_lanes
        assert (f"('{topic.name}', '{publisher}')" in SCRIPT) == bool(counted), topic.name


def test_it_can_be_run_without_us():
    assert not [text for text in SCRIPT.splitlines() if text.startswith("\\")]
