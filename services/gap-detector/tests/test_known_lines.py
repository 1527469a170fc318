"""Which lines are no news: asked for a whole batch, of all shards at once."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backorder_contracts.internal import LineRef
from backorder_runtime.asking import statements, together
from gap_detector import repository

refs = st.builds(LineRef, st.sampled_from(["A", "B", "a,b", ""]), st.sampled_from(["1", "2", "\\"]))
some = st.sets(refs, max_size=4)
batches = st.dictionaries(st.integers(min_value=0, max_value=2), st.lists(refs, min_size=1, max_size=6))
cancelled = st.sets(st.tuples(st.integers(min_value=0, max_value=2), st.sampled_from(["A", "a,b"])), max_size=3)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=batches, placed=some, past=some, cancelled=cancelled)
@pytest.mark.stack
async def test_known_is_what_was_placed_once_wherever_or_cancelled_in_the_shard(conn, batches, placed, past, cancelled):
    await conn.execute("TRUNCATE line, past_line, cancellation")
    for ref in placed:
        for place in ("", "elsewhere"):  # sent on to another lane, it has two rows
            await conn.execute(
                "INSERT INTO line (order_id, line_id, place, shard, lane, number, covered, need, counted, opened)"
                " VALUES ($1, $2, $3, 7, 'P@W', 1, 1, 0, 0, false)",
                ref.order_id,
                ref.line_id,
                place,
            )
    for ref in past:
        await conn.execute("INSERT INTO past_line VALUES ($1, $2, now(), '')", ref.order_id, ref.line_id)
    for shard, order_id in cancelled:
        for name in ("c-1", "c-2"):
            await conn.execute("INSERT INTO cancellation VALUES ($1, $2, $3, now(), '')", shard, order_id, name)
    found = {}

    def asking(shard, asked):
        found[shard] = yield from repository.load_known(asked)

    await together(conn, {shard: asking(shard, asked) for shard, asked in batches.items()})
    for shard, asked in batches.items():
        known = [ref for ref in asked if ref in placed | past or (shard, ref.order_id) in cancelled]
        assert found[shard] == known


@pytest.mark.stack
async def test_it_is_found_by_index_also_where_the_planner_has_heard_of_no_row(conn):
    await conn.execute("ANALYZE line, past_line, cancellation")
    await conn.execute("SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off")  # as in a batch
    await conn.execute(f"PREPARE known (text, text) AS {statements('gap_detector')['known'].text}")
    plan = "\n".join(row[0] for row in await conn.fetch("EXPLAIN EXECUTE known ('', '')"))
    for table in ("line", "past_line", "cancellation"):
        assert f"using {table}_pkey" in plan
    assert "Seq Scan" not in plan
