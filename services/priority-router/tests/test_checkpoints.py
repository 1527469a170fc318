"""Checkpoints are written whole and go in steps; no replay starts at one that is not whole."""

from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from priority_router import housekeeping, recording, retention
from priority_router.recording import NotRecorded
from priority_router.settings import KeepSettings

KEEP = KeepSettings()
NOW = datetime.now(UTC)
ORDERS, LANES, MOST = 7, 3, 2
PARTS = ("checkpoint_back_order", "checkpoint_lane")


@pytest.fixture
async def pool(database):
    made = await asyncpg.create_pool(await database.migrated("priority_router"), min_size=1, max_size=1)
    yield made
    await made.close()


def ago(days):
    return NOW - timedelta(days=days)


async def set_down(pool, at, **positions):
    """A checkpoint of this time with a few rows, which has these shards at these positions of their journals."""
    number = await pool.fetchval("INSERT INTO checkpoint (at) VALUES ($1) RETURNING checkpoint", at)
    await pool.executemany(
        "INSERT INTO checkpoint_shard VALUES ($1, $2, $3)",
        [(number, int(shard.removeprefix("shard_")), position) for shard, position in positions.items()],
    )
    await pool.execute(
        "INSERT INTO checkpoint_lane SELECT $1, 0, 'L' || n, 'v', '' FROM generate_series(1, $2) AS n", number, LANES
    )
    await pool.execute(
        "INSERT INTO checkpoint_back_order SELECT $1, 0, 'L1', 'B' || n, '' FROM generate_series(1, $2) AS n",
        number, ORDERS,
    )  # fmt: skip
    return number


async def rows(pool, table, number=None):
    return await pool.fetchval(f"SELECT count(*) FROM {table} WHERE $1::bigint IS NULL OR checkpoint = $1", number)  # noqa: S608


async def steps(pool):
    """Everything that retention does until nothing is left to go, with how many rows of each step went."""
    gone = True
    while gone:
        gone = False
        for rule in retention.table_rules(KEEP):
            went = len(await pool.fetch(rule.statement, NOW - rule.after, MOST))
            gone = gone or went > 0
            yield went


async def begins(pool, since):
    """The checkpoint where a replay since then starts, which has to be whole; None when there is none."""
    async with pool.acquire() as conn:
        try:
            begin = await recording.start(conn, since)
        except NotRecorded as refused:
            assert f"{ago(15):%Y-%m-%d %H:%M:%S}" in str(refused)  # noqa: PT017
            return None
    assert await rows(pool, "checkpoint_shard", begin.checkpoint) == 2
    assert [await rows(pool, part, begin.checkpoint) for part in PARTS] == [ORDERS, LANES]
    return begin.checkpoint


async def test_a_checkpoint_goes_in_steps_and_no_replay_starts_where_one_has_begun_to_go(pool):
    first, second, base, young = [await set_down(pool, ago(days), shard_0=1, shard_1=1) for days in (17, 16, 15, 12)]
    assert await begins(pool, None) == first
    assert await begins(pool, ago(15.5)) == second
    given_up, before = False, [await rows(pool, part) for part in PARTS]
    async for went in steps(pool):
        left = [await rows(pool, part) for part in PARTS]
        assert went <= MOST
        assert sum(before) - sum(left) <= MOST, "what goes with a row of another table counts as well"
        before = left
        given_up |= went > 0
        assert await begins(pool, None) == (base if given_up else first)
        assert await begins(pool, ago(15.5)) == (None if given_up else second)
        assert await begins(pool, ago(13)) == base
    assert [row["checkpoint"] for row in await pool.fetch("SELECT checkpoint FROM checkpoint ORDER BY at")] == [
        base,
        young,
    ]
    assert [await rows(pool, part) for part in PARTS] == [2 * ORDERS, 2 * LANES]
    assert await rows(pool, "checkpoint_shard") == 4


async def test_the_journal_stays_from_where_the_oldest_replay_starts(pool):
    await pool.execute(
        "INSERT INTO journal (shard, at, entry) SELECT n % 2, $1, '' FROM generate_series(1, 8) AS n", ago(16)
    )
    await set_down(pool, ago(18), shard_0=1, shard_1=1)
    await set_down(pool, ago(15), shard_0=4)  # when nobody had claimed shard 1 yet
    await set_down(pool, ago(12), shard_0=8, shard_1=8)
    async for _ in steps(pool):
        pass
    kept = await pool.fetch("SELECT shard, position FROM journal ORDER BY position")
    assert [tuple(row) for row in kept] == [(1, 1), (1, 3), (1, 5), (0, 6), (1, 7), (0, 8)]


async def test_to_write_a_checkpoint_may_take_longer_than_a_batch(pool):
    await pool.execute("CREATE TABLE allowed (longest text)")
    await pool.execute(
        "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN INSERT INTO allowed VALUES (current_setting('statement_timeout')); RETURN NULL; END $$"
    )
    await pool.execute("CREATE TRIGGER note BEFORE INSERT ON checkpoint_back_order EXECUTE FUNCTION note()")
    await housekeeping._checkpoint(pool, KEEP, NOW)
    assert await pool.fetchval("SELECT longest FROM allowed") == "10min"
    assert await pool.fetchval("SHOW statement_timeout") == "30s", "what comes next on the connection may not"
    assert await rows(pool, "checkpoint") == 1
