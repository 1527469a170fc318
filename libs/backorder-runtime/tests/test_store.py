"""The engine's statements on a real database: what each of them compares, takes, and leaves alone."""

import re
from datetime import timedelta

import asyncpg
import pytest
from engine_support.tally import TABLES, TOPIC

from backorder_contracts.internal import Origin
from backorder_dev.stack import Database
from backorder_runtime import store
from backorder_runtime.clock import utc_now
from backorder_runtime.outbox import Event, OutboxBatch
from backorder_runtime.record import DeadLetter, Record, SetTimer
from backorder_runtime.store import Fence, Place

NOW = utc_now()


@pytest.fixture
async def conn(database: Database):
    made = await asyncpg.connect(database.urls["inventory_sync"])
    for statement in TABLES:
        await made.execute(statement)
    yield made
    await made.close()


class Explaining:
    """Runs a statement that answers with these rows, and keeps how the database ran it."""

    def __init__(self, conn, rows):
        self.conn, self.rows, self.plan = conn, rows, ""

    async def fetch(self, text, *parameters):
        lines = await self.conn.fetch("EXPLAIN ANALYZE " + text, *parameters)
        self.plan = "\n".join(line[0] for line in lines)
        return self.rows


async def claim(conn, shard=2, owner="one", first=10):
    return await store.claim(conn, shard, owner, {TOPIC: first})


def step(old, new, sequence=0):
    return {TOPIC: (Place(old, 0), Place(new, sequence))}


def batch(first, count=1):
    return OutboxBatch(first, NOW, [Event("supply", "A@W1", "x", b"{}", None, None)] * count)


async def numbers(conn, shard=2, sent=0):
    return [each.first_sequence for each in await store.unsent(conn, shard, sent)]


async def test_whoever_claimed_before_is_fenced_and_those_beside_him_are_not(conn):
    ours, lost = await claim(conn, 1), await claim(conn, 2)
    assert (await claim(conn, 2, "another")).epoch == lost.epoch + 1
    with pytest.raises(store.Fenced) as fenced:
        await store.advance(conn, [Fence(1, ours.epoch, 0, step(10, 11)), Fence(2, lost.epoch, 0, {})])
    assert fenced.value.shards == [2]


async def test_an_owner_that_stands_still_in_mid_transaction_is_put_out_of_it(conn, database):
    first = await claim(conn)
    frozen = await asyncpg.connect(database.urls["inventory_sync"])
    await frozen.execute("BEGIN")
    await store.advance(frozen, [Fence(2, first.epoch, 0, {})])
    with pytest.raises(asyncpg.LockNotAvailableError):
        await claim(conn)
    assert (await claim(conn)).epoch == first.epoch + 1
    frozen.terminate()


async def test_a_batch_that_begins_elsewhere_than_the_last_one_ended_is_fenced(conn):
    ours = await claim(conn)
    await store.advance(conn, [Fence(2, ours.epoch, 0, step(10, 15))])
    for old in (9, 10, 14, 16):
        with pytest.raises(store.Fenced):
            await store.advance(conn, [Fence(2, ours.epoch, 0, step(old, 20))])
    await store.advance(conn, [Fence(2, ours.epoch, 0, step(15, 20))])


async def test_what_a_batch_asks_for_is_found_by_index_and_what_others_ask_for_as_it_suits_them(conn):
    ours = await claim(conn)
    async with conn.transaction():
        await store.advance(conn, [Fence(2, ours.epoch, 0, {})])
        assert await conn.fetchval("SHOW enable_seqscan") == "off"
    assert await conn.fetchval("SHOW enable_seqscan") == "on"


async def test_a_claim_goes_on_where_the_last_owner_stood_whatever_the_log_begins_with(conn):
    ours = await claim(conn)
    await store.advance(conn, [Fence(2, ours.epoch, 4, step(10, 15, 7))])
    await store.put_outbox(conn, {2: batch(1, 6)})
    found = await claim(conn, owner="another", first=12)
    assert found == store.Claim(ours.epoch + 1, 7, 4, {TOPIC: Place(15, 7)})


async def test_a_number_is_given_once(conn):
    await claim(conn)
    await store.put_outbox(conn, {2: batch(1, 3)})
    for first in (1, 3, 5):
        with pytest.raises((store.Outdated, asyncpg.UniqueViolationError)):
            await store.put_outbox(conn, {2: batch(first)})
    await store.put_outbox(conn, {2: batch(4)})
    assert await numbers(conn) == [1, 4]


async def test_only_what_was_confirmed_leaves_the_outbox_and_only_of_the_shard(conn):
    claims = {shard: await claim(conn, shard) for shard in (1, 2)}
    for first in (1, 3, 5):
        await store.put_outbox(conn, {1: batch(first, 2), 2: batch(first, 2)})
    await store.advance(conn, [Fence(2, claims[2].epoch, 2, {})])
    assert await numbers(conn, 2) == [3, 5]
    assert await numbers(conn, 1) == [1, 3, 5]
    assert await numbers(conn, 1, sent=4) == [5]


async def test_what_left_the_outbox_long_ago_is_not_looked_through(conn):
    """Until a vacuum comes, which may take a minute, all that was sent has dead entries in the index."""
    ours = await claim(conn)
    await conn.execute("ALTER TABLE outbox SET (autovacuum_enabled = off)")
    await conn.execute("SET enable_indexscan = off; SET enable_seqscan = off")  # a bitmap scan marks nothing as dead
    for first in range(1, 400):
        await store.put_outbox(conn, {2: batch(first)})
        await store.advance(conn, [Fence(2, ours.epoch, first, {})])
    await store.put_outbox(conn, {2: batch(400)})
    explaining = Explaining(conn, [(2, 0)])
    await store.advance(explaining, [Fence(2, ours.epoch, 400, {})])
    (entries,) = re.findall(r"Bitmap Index Scan on outbox_pkey .* rows=([\d.]+) loops=1", explaining.plan)
    assert float(entries) == 1
    assert await numbers(conn) == []


async def test_a_timer_that_is_due_is_taken_once_and_what_is_not_stays(conn):
    due, later = NOW - timedelta(seconds=1), NOW + timedelta(hours=1)
    await store.set_timers(conn, {2: [SetTimer("A@W1", "a", due), SetTimer("A@W1", "b", later)]})
    await store.set_timers(conn, {1: [SetTimer("B@W1", "a", due)]})
    taken = await store.take_timers(conn, [2], NOW)
    assert {shard: [(timer.lane, timer.key) for timer in timers] for shard, timers in taken.items()} == {
        2: [("A@W1", "a")]
    }
    assert await store.take_timers(conn, [2], NOW) == {}
    assert await store.shards_with_due(conn, [1, 2], NOW) == {1}
    assert await store.shards_with_due(conn, [2], later) == {2}


async def test_the_last_word_about_a_timer_counts(conn):
    due, later = NOW - timedelta(seconds=1), NOW + timedelta(hours=1)
    first = [SetTimer("A@W1", "a", due), SetTimer("A@W1", "b", later), SetTimer("A@W1", "c", due)]
    await store.set_timers(conn, {2: first})
    moved = [SetTimer("A@W1", "a", later), SetTimer("A@W1", "b", due), SetTimer("A@W1", "c", None)]
    await store.set_timers(conn, {2: moved})
    (timer,) = (await store.take_timers(conn, [2], NOW))[2]
    assert timer.key == "b"


def kept(*offsets, lane="A@W1"):
    return [(lane, Record(TOPIC, 2, offset, None, b"")) for offset in offsets]


async def test_what_a_stopped_lane_kept_comes_back_in_its_order_when_it_is_to_go_on(conn):
    await store.park(conn, 2, {"A@W1": "a defect"}, kept(7, 3), NOW)
    await store.park(conn, 2, {}, kept(5), NOW)
    assert await store.take_parked(conn, [2]) == {}
    assert await store.resume_lane(conn, "A@W1")
    assert await store.take_parked(conn, [1]) == {}
    (lane,) = (await store.take_parked(conn, [2]))[2]
    assert (lane.whole, [each.record.offset for each in lane.kept]) == (True, [7, 3, 5])
    assert await store.take_parked(conn, [2]) == {}
    assert await store.parked_lanes(conn, 2) == set()
    await store.let_go(conn, [lane.kept[0].id, lane.kept[2].id])
    assert await conn.fetchval("SELECT array_agg(id) FROM parked_input") == [lane.kept[1].id]


async def test_of_a_lane_that_kept_much_the_first_come_back_and_it_stays_parked(conn, monkeypatch):
    monkeypatch.setattr(store, "_KEPT_AT_ONCE", 2)
    await store.park(conn, 2, {"A@W1": "a defect", "B@W1": "another"}, kept(1, 2, 3) + kept(4, lane="B@W1"), NOW)
    await store.resume_lane(conn, "A@W1")
    await store.resume_lane(conn, "B@W1")
    lanes = {lane.lane: lane for lane in (await store.take_parked(conn, [2]))[2]}
    assert {name: [each.record.offset for each in lane.kept] for name, lane in lanes.items()} == {
        "A@W1": [1, 2],
        "B@W1": [4],
    }
    assert await store.parked_lanes(conn, 2) == {"A@W1"}
    await store.let_go(conn, [each.id for each in lanes["A@W1"].kept])
    (lane,) = (await store.take_parked(conn, [2]))[2]
    assert (lane.whole, [each.record.offset for each in lane.kept]) == (True, [3])


async def test_no_more_lanes_come_back_at_once_than_a_turn_can_do(conn, monkeypatch):
    monkeypatch.setattr(store, "_LANES_AT_ONCE", 2)
    for n, lane in enumerate(("A@W1", "B@W1", "C@W1")):
        await store.park(conn, 2, {lane: "a defect"}, kept(n, lane=lane), NOW + timedelta(seconds=n))
        await store.resume_lane(conn, lane)
    assert [lane.lane for lane in (await store.take_parked(conn, [2]))[2]] == ["A@W1", "B@W1"]
    assert [lane.lane for lane in (await store.take_parked(conn, [2]))[2]] == ["C@W1"]


async def test_a_lane_that_fails_again_while_it_goes_on_waits_to_be_asked_again(conn, monkeypatch):
    monkeypatch.setattr(store, "_KEPT_AT_ONCE", 1)
    await store.park(conn, 2, {"A@W1": "a defect"}, kept(1, 2), NOW)
    await store.resume_lane(conn, "A@W1")
    assert not (await store.take_parked(conn, [2]))[2][0].whole
    await store.park(conn, 2, {"A@W1": "another"}, (), NOW)
    assert await store.take_parked(conn, [2]) == {}
    assert await conn.fetchval("SELECT error FROM parked_lane") == "another"


async def test_a_lane_that_a_timer_stopped_comes_back_too_though_nothing_was_kept_for_it(conn):
    await store.park(conn, 2, {"A@W1": "a defect"}, (), NOW)
    assert await store.resume_lane(conn, "A@W1")
    assert await store.take_parked(conn, [2]) == {2: [store.Resumed("A@W1", True, [])]}
    assert await store.parked_lanes(conn, 2) == set()


async def test_a_record_is_refused_once_however_many_lanes_do_and_however_often(conn):
    letters = [DeadLetter(Origin("order-placed", 0, n), "unknown-back-order", "no") for n in (1, 2, 1)]
    fresh = await store.refuse(conn, letters, NOW)
    assert sorted(letter.origin.offset for letter in fresh) == [1, 2]
    again = [*letters, DeadLetter(Origin("order-placed", 0, 3), "unknown-back-order", "no")]
    assert [letter.origin.offset for letter in await store.refuse(conn, again, NOW)] == [3]
