"""Shipments of orders that nobody places stay for 400 days; meanwhile retention walks past none of them twice."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from gap_detector import retention
from gap_detector.settings import KeepSettings

KEEP, STEP = KeepSettings(), 1_000
_, CLOSE, EARLY, STRAY = retention.shard_rules(KEEP)
INSERT = """
    INSERT INTO line (order_id, line_id, place, shard, lane, number, covered, need, counted, opened, detail, closed_at)
    SELECT $1::text || n, '1', $2::text, 0, 'P@W1', 0, 0, 0, 0, false, $3::bytea, now() - interval '31 days'
    FROM generate_series(1, $4::integer) AS n
"""


async def closed(conn, name, units, *, placed=False):
    """Rows that closed 31 days ago: of lines that were placed, or of shipments whose order has not come."""
    await conn.execute(INSERT, name, "" if placed else "?P@W1", b"a line" if placed else None, units)


async def step(conn, rule, days=0):
    """One step of a rule; how many rows went."""
    now = datetime.now(UTC) + timedelta(days=days)
    return len(await conn.fetch(rule.statement, 0, now - rule.after, STEP))


async def passed_over(conn, rule):
    """How many rows a step of the rule reads and leaves alone."""
    now = datetime.now(UTC) - rule.after
    ((plan,),) = await conn.fetch(f"EXPLAIN (ANALYZE, FORMAT JSON) {rule.statement}", 0, now, STEP)
    return sum(_removed(json.loads(plan)[0]["Plan"]))


def _removed(node):
    yield node.get("Rows Removed by Filter", 0) * node.get("Actual Loops", 1)
    for below in node.get("Plans", ()):
        yield from _removed(below)


@pytest.mark.parametrize("analysed", [False, True])
@pytest.mark.stack
async def test_what_waits_for_its_order_is_in_no_rules_way(conn, analysed):
    await closed(conn, "stray-", 50_000)
    await closed(conn, "closed-", 1, placed=True)
    if analysed:
        await conn.execute("ANALYZE line")
    assert [await passed_over(conn, rule) <= STEP for rule in (CLOSE, EARLY)] == [True, True]
    assert await conn.fetchval("SELECT order_id FROM past_line") == "closed-1"


@pytest.mark.stack
async def test_each_is_looked_at_once_and_goes_when_its_order_came(conn):
    await closed(conn, "stray-", 2 * STEP)
    await closed(conn, "came-", 3)
    await closed(conn, "came-", 3, placed=True)
    assert sum([await step(conn, EARLY) for _ in range(3)]) == 3
    assert await conn.fetchval("SELECT count(*) FROM line WHERE stray IS DISTINCT FROM closed_at") == 3, "the lines"
    await conn.execute("ANALYZE line")
    assert await passed_over(conn, EARLY) < STEP


@pytest.mark.stack
async def test_what_was_looked_at_leaves_in_the_end(conn):
    await closed(conn, "stray-", 1)
    assert (await step(conn, EARLY), await step(conn, STRAY)) == (0, 0)
    assert (await step(conn, STRAY, days=368), await step(conn, STRAY, days=370)) == (0, 1)


@pytest.mark.stack
async def test_what_is_touched_again_is_looked_at_again(conn):
    await closed(conn, "came-", 1)
    assert await step(conn, EARLY) == 0
    await closed(conn, "came-", 1, placed=True)
    await conn.execute("UPDATE line SET closed_at = now() WHERE detail IS NULL")  # as another shipment does
    assert (await step(conn, EARLY, days=29), await step(conn, EARLY, days=31)) == (0, 1)
