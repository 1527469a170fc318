"""Back orders that ended leave the queue: its tables after a while, its memory at once."""

import json
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from engine_support.held_rows import check_that_they_wait_for_nobody, gone
from router_shard import LANE, Queue, cancelled, command, key_of, shipped, short, units

from backorder_contracts.topics import TOPICS
from backorder_runtime.record import DeadLetter, Message
from priority_router import retention
from priority_router.domain.events import RELEASE, TimerRang
from priority_router.settings import KeepSettings

DAY = timedelta(days=1)
KEEP = KeepSettings()


class Kept(Queue):
    """A queue whose tables are tidied up."""

    async def forget(self, *, days=0, most=1_000):
        """What retention would do so many days later; how many rows went, and what is told of that."""
        now, gone, told = datetime.now(UTC) + days * DAY, 0, []
        for rule in retention.shard_rules(KEEP):
            rows = await self.conn.fetch(rule.statement, 0, now - rule.after, most)
            gone, told = gone + len(rows), [*told, *rule.tell(rows)]
        for rule in retention.table_rules(KEEP):
            gone += len(await self.conn.fetch(rule.statement, now - rule.after, most))
        return gone, told


@pytest.fixture
async def queue(database):
    conn = await asyncpg.connect(await database.migrated("priority_router"))
    yield Kept(conn)
    await conn.close()


async def completed(queue, *orders, covered=0):
    """Back orders that opened and were shipped whole."""
    for order in orders:
        await queue.take(short(order, covered=covered), units(2))
        await queue.take(TimerRang(RELEASE, datetime.now(UTC)))
        await queue.take(shipped(order))


async def test_a_back_order_that_ended_leaves_with_a_tombstone(queue):
    await completed(queue, "A")
    await queue.take(short("open"))
    assert await queue.rows("back_order", "closed_at IS NOT NULL") == 1
    assert await queue.forget(days=29) == (0, [])
    _, told = await queue.forget(days=91)
    [tombstone] = told
    key = key_of("A")
    assert tombstone == Message("back-order-snapshot", key, "back-order.snapshot", None, subject=key)
    assert await queue.rows("back_order") == 1
    assert await queue.rows("decision", f"back_order_id = '{key}'") == 0
    assert await queue.rows("decision") > 0, "what is open is explained for as long as it is open"


async def test_one_for_which_more_may_come_stays_longer(queue):
    await completed(queue, "A", covered=1)
    assert (await queue.forget(days=399))[1] == []
    [tombstone] = (await queue.forget(days=401))[1]
    assert tombstone.value is None


async def test_cover_that_is_lost_later_goes_on_with_the_versions(queue):
    await completed(queue, "A", covered=1)
    last = await queue.conn.fetchval("SELECT state FROM back_order")
    await queue.forget(days=399)
    told = await queue.take(short("A", 1, first=False))
    assert told[0].type == "back-order.increased"
    assert await queue.conn.fetchval("SELECT state FROM back_order") != last
    assert b'"version":1,' not in told[0].value


async def test_cover_that_is_lost_when_the_back_order_is_forgotten_begins_the_versions_anew(queue):
    await completed(queue, "A", covered=1)
    await queue.forget(days=401)
    told = await queue.take(short("A", 1, first=False))
    states = [each for each in told if getattr(each, "topic", None) == "back-order-state"]
    assert [each.type for each in states] == ["back-order.increased", "back-order.prioritised"]
    assert [json.loads(each.value)["version"] for each in states] == [1, 2]


async def test_back_orders_of_the_version_before_stay_longer_too(queue):
    await completed(queue, "A")
    await queue.conn.execute("UPDATE back_order SET revivable = NULL")
    assert (await queue.forget(days=399))[1] == []
    assert len((await queue.forget(days=401))[1]) == 1


async def test_late_messages_about_a_forgotten_back_order_get_the_documented_answers(queue):
    await completed(queue, "A")
    await queue.forget(days=91)
    [letter] = await queue.take(command("c-1", "A"))
    assert isinstance(letter, DeadLetter)
    assert letter.reason == "unknown-back-order"
    told = await queue.take(cancelled("A", 1))
    assert [effect.topic for effect in told] == ["back-order-need"], "the ledger is answered: nothing was cancelled"
    assert await queue.rows("back_order") == 0


async def test_a_command_is_known_again_until_nobody_repeats_it(queue):
    await queue.take(short("A"))
    assert await queue.take(command("c-1", "A")) != []
    await queue.forget(days=399)
    assert await queue.take(command("c-1", "A")) == []
    await queue.forget(days=401)
    assert await queue.rows("command") == 0


async def test_the_memory_of_a_shard_does_not_grow_with_what_ended(queue):
    orders = [f"A{n}" for n in range(60)]
    await completed(queue, *orders)
    lane = queue.handler._queues[LANE]
    assert await queue.rows("back_order", "closed_at IS NOT NULL") == len(orders)
    indexes = (lane.orders, lane.prints, lane.holders, lane.prey, lane.lenders, lane.shelved, lane.releases, lane.dues)
    assert [len(index) for index in (*indexes, lane.stale)] == [0] * 9
    await queue.take(command("late", "A0"))
    assert len(lane.orders) == 0, "a closed one is loaded for its batch only"
    kept = (
        queue.handler._places,
        queue.handler._answered._contents,
        queue.handler._loaded_closed,
        queue.handler._decisions,
    )
    assert [len(each) for each in kept] == [0] * 4


async def test_a_step_takes_no_more_back_orders_than_it_may(queue):
    await completed(queue, *"ABC")
    gone = [len((await queue.forget(days=91, most=2))[1]) for _ in range(3)]
    assert gone == [2, 1, 0]


async def test_explanations_that_a_shard_takes_with_its_back_orders_are_left_to_it(database, queue):
    await completed(queue, "A")
    now, rules = datetime.now(UTC) + 91 * DAY, retention.table_rules(KEEP)
    other = await asyncpg.connect(await database.migrated("priority_router"))
    try:
        async with queue.conn.transaction():
            for rule in retention.shard_rules(KEEP):
                await queue.conn.fetch(rule.statement, 0, now - rule.after, 1_000)
            async with other.transaction():
                assert sum(await gone(other, rules, now)) == 0, "held by the other transaction"
        async with other.transaction():
            assert sum(await gone(other, rules, now)) == 0, "gone"
    finally:
        await other.close()


async def test_a_rule_of_tables_waits_for_nobody(database, queue):
    await completed(queue, "A")
    now = datetime.now(UTC) + 40 * DAY
    for days in (30, 20, 1):
        at = now - days * DAY
        number = await queue.conn.fetchval("INSERT INTO checkpoint (at) VALUES ($1) RETURNING checkpoint", at)
        await queue.conn.execute("INSERT INTO checkpoint_shard VALUES ($1, 0, 1000)", number)
        await queue.conn.execute("INSERT INTO checkpoint_lane VALUES ($1, 0, 'L', 'v', '')", number)
        await queue.conn.execute("INSERT INTO checkpoint_back_order VALUES ($1, 0, 'L', 'B', '')", number)
    await queue.conn.execute("INSERT INTO journal (shard, at, entry) VALUES (0, $1, '')", now - 20 * DAY)
    url = await database.migrated("priority_router")
    await check_that_they_wait_for_nobody(url, retention.table_rules(KEEP), now)


def test_the_defaults_outlast_every_topic():
    longest = max(topic.retention for topic in TOPICS.values() if topic.retention)
    assert timedelta(days=KEEP.closed_days) >= longest
    assert KEEP.repeats_days >= KEEP.closed_days >= KEEP.decisions
