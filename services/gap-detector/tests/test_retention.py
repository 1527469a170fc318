"""Closed lines leave the ledger, and nothing that comes later can tell."""

import random
from datetime import UTC, datetime, timedelta
from itertools import count

import msgspec
import pytest
from engine_support.held_rows import check_that_they_wait_for_nobody
from ledger_desk import PART, cancel, order, ref, stock
from msgspec.structs import replace

from backorder_contracts import identity
from backorder_contracts.internal import LinePlaced, LineRecalled, OrderCancelled
from backorder_contracts.topics import TOPICS
from backorder_runtime.asking import together
from backorder_runtime.handler import Arrived
from backorder_runtime.record import DeadLetter, Message
from backorder_runtime.settings import RetentionSettings
from gap_detector import retention
from gap_detector.domain.spread import addressed
from gap_detector.handlers import GapLedger
from gap_detector.settings import KeepSettings

DAY = timedelta(days=1)
KEEP = KeepSettings()


def _arrived(message):
    if isinstance(message, LinePlaced | LineRecalled | OrderCancelled):
        return Arrived(*addressed(message))
    return Arrived(identity.lane(message.part_id, message.location_id), message)


class Shop:
    """One ledger per shard over a real database; a lane belongs to the shard of its location's last digit."""

    def __init__(self, conn, shards=2):
        self.conn = conn
        self.handlers = [GapLedger(shard, 1_000) for shard in range(shards)]

    async def feed(self, *messages):
        """All this happens, one after the other; returns what is said."""
        effects = []
        for message in messages:
            everywhere = isinstance(message, OrderCancelled)
            for shard in range(len(self.handlers)) if everywhere else (self._shard(message),):
                effects += await self._run(shard, message)
        return effects

    def _shard(self, message):
        where = message.line if isinstance(message, LinePlaced) else message
        return int(where.location_id[-1]) % len(self.handlers)

    async def _run(self, shard, message):
        handler, arrived, now = self.handlers[shard], _arrived(message), datetime.now(UTC)
        effects = []
        async with self.conn.transaction():
            await together(self.conn, {shard: handler.load([arrived])})
            for each in handler.spread(arrived, None):
                effects += handler.evolve(each, handler.decide(each, now), now)
            await together(self.conn, {shard: handler.save()})
        return effects

    async def forget(self, keep=KEEP, *, days=0, most=1_000):
        """What retention would do so many days later; how many rows went."""
        now, gone = datetime.now(UTC) + days * DAY, 0
        for rule in retention.shard_rules(keep):
            for shard in range(len(self.handlers)):
                rows = await self.conn.fetch(rule.statement, shard, now - rule.after, most)
                gone += len(rows) if rule.table else 0
        for rule in retention.table_rules(keep):
            gone += len(await self.conn.fetch(rule.statement, now - rule.after, most))
        return gone

    async def rows(self, table):
        return await self.conn.fetchval(f"SELECT count(*) FROM {table}")  # noqa: S608


@pytest.fixture
def shop(conn):
    return Shop(conn)


def elsewhere(placed, location):
    """The same line, sent on to another location."""
    line = replace(placed.line, location_id=location, rerouted_from="BO-1", been=(f"{PART}@W1",))
    return replace(placed, line=line)


async def sold(shop, name, units=2):
    """An order that was covered, and shipped."""
    placed = order(name, units)
    await shop.feed(stock(units), placed, stock(0, shipped={name: units}))
    return placed


async def test_a_closed_line_shrinks_to_a_row_that_knows_it_again(shop):
    placed = await sold(shop, "A")
    assert await shop.forget(days=29) == 0
    assert await shop.forget(days=31) == 1
    assert (await shop.rows("line"), await shop.rows("past_line")) == (0, 1)
    await shop.feed(stock(5))
    assert await shop.feed(placed) == []
    assert await shop.rows("line") == 0, "the repeated order took nothing"
    assert await shop.forget(days=399) == 0
    assert await shop.forget(days=401) == 1
    assert await shop.rows("past_line") == 0


async def test_a_past_line_that_comes_again_with_other_content_is_refused_as_before(shop):
    placed = await sold(shop, "A")
    await shop.forget(days=31)
    other = order("A", 3)
    moved = replace(placed, line=replace(placed.line, location_id="W2"))
    for again in (other, moved):
        [letter] = await shop.feed(again)
        assert isinstance(letter, DeadLetter)
        assert (letter.reason, letter.origin) == ("conflicting-duplicate", again.origin)
    assert await shop.rows("line") == 0


async def test_a_rule_of_tables_waits_for_nobody(database, shop):
    await sold(shop, "A")
    await shop.feed(cancel("A", "1"))
    await shop.forget(days=31)
    now, url = datetime.now(UTC) + 401 * DAY, await database.migrated("gap_detector")
    await check_that_they_wait_for_nobody(url, retention.table_rules(KEEP), now)


async def test_what_is_open_stays_however_old(shop):
    await shop.feed(stock(2), order("covered", 2), order("short", 3))
    assert await shop.forget(days=5_000) == 0
    assert await shop.rows("line") == 2


async def test_a_line_stays_while_a_part_of_it_is_open_elsewhere(shop):
    placed = await sold(shop, "A")
    sent_on = elsewhere(placed, "W2")
    await shop.feed(stock(2, location="W2"), sent_on)
    assert await shop.forget(days=31) == 0
    await shop.feed(stock(0, location="W2", shipped={"A": 2}))
    assert await shop.forget(days=31) == 2
    assert await shop.rows("past_line") == 1
    assert await shop.feed(placed) == []


async def test_late_shipments_and_cancellations_of_a_past_line_change_nothing(shop):
    placed = await sold(shop, "A")
    await shop.forget(days=31)
    await shop.feed(stock(9))
    late = LineRecalled(ref("A"), PART, "W1", 1, placed.cause)
    assert await shop.feed(cancel("A"), cancel("A", L1=1), late, stock(8, shipped={"A": 1})) == []
    assert await shop.feed(placed) == []
    lane = await shop.conn.fetchrow("SELECT on_hand, covered, handed, needed FROM lane")
    assert tuple(lane) == (8, 0, 0, 0)
    await shop.forget()  # which notes it
    await shop.forget(days=31)
    assert await shop.rows("line") == 0, "what the late shipment left behind goes too"


async def test_a_shipment_that_overtook_its_order_waits_for_it_as_long_as_orders_may_repeat(shop):
    await shop.feed(stock(0, shipped={"A": 2, "C": 2}))
    await shop.forget()  # which notes it
    assert await shop.forget(days=29) == 0
    await shop.feed(stock(7), order("A", 2))
    await shop.forget()
    assert await shop.forget(days=31) == 2
    assert await shop.forget(days=399) == 0
    await shop.feed(order("C", 2))
    assert (await shop.conn.fetchval("SELECT covered FROM line WHERE place = ''")) == 0
    await shop.forget()
    await shop.forget(days=401)
    assert await shop.rows("line") == 0
    await shop.feed(stock(0, shipped={"B": 2}))
    await shop.forget()
    assert await shop.forget(days=401) > 0
    assert await shop.rows("line") == 0


async def test_a_cancellation_stays_while_its_order_has_a_line(shop):
    await shop.feed(stock(2), order("A", 2), cancel("A", L1=1), cancel("unknown"))
    shards = len(shop.handlers)
    assert await shop.rows("cancellation") == 2 * shards
    await shop.forget(days=401)
    assert await shop.rows("cancellation") == 1, "in the one shard that has the line"
    await shop.feed(stock(0, shipped={"A": 1}))
    await shop.forget(days=401)
    await shop.forget(days=401)
    assert await shop.rows("cancellation") == 0


async def test_lines_of_the_version_before_are_noted_first_and_stay_for_their_time(shop):
    await sold(shop, "A")
    await shop.conn.execute("UPDATE line SET closed_at = NULL")
    assert await shop.forget(days=100) == 0
    assert await shop.conn.fetchval("SELECT closed_at > now() + interval '99 days' FROM line")
    assert await shop.forget(days=131) == 1


async def test_a_line_that_is_touched_again_begins_its_time_anew(shop):
    await sold(shop, "A")
    await shop.conn.execute("UPDATE line SET closed_at = now() - interval '29 days'")
    await shop.feed(stock(4), stock(3, shipped={"A": 1}))
    assert await shop.forget(days=2) == 0


async def test_a_step_takes_no_more_rows_than_it_may(shop):
    for name in "ABC":
        await sold(shop, name)
    assert [await shop.forget(days=31, most=2) for _ in range(3)] == [2, 1, 0]


def history(seed, names=40):
    """A business that places, repeats, ships and cancels, long after everything was over too."""
    draw, level, versions = random.Random(seed), 60, count(1)
    placed = [order(f"O{n}", draw.randint(1, 4), location=f"W{draw.randint(1, 2)}") for n in range(names)]
    yield from (stock(level, version=next(versions), location=where) for where in ("W1", "W2"))
    for n, new in enumerate(placed):
        yield new
        old = draw.choice(placed[: n + 1])
        where, name = old.line.location_id, old.line.order_id
        match draw.randrange(5):
            case 0:
                yield old
            case 1:
                yield replace(old, line=replace(old.line, quantity=9))
            case 2:
                yield cancel(name, L1=1) if draw.random() < 0.5 else cancel(name)
            case _:
                level -= 1
                units = draw.randint(1, 4)
                yield stock(max(level, 0), version=next(versions), location=where, shipped={name: units})
    yield from placed


@pytest.mark.parametrize("seed", range(4))
async def test_forgetting_at_once_changes_nothing_that_is_said(database, shop, seed):
    """But for one answer: a cancellation that came too late for a past back order is not refused any more."""
    at_once = KeepSettings(closed_lines_days=1e-9)
    said = []
    for forgetful in (False, True):
        await shop.conn.execute("TRUNCATE line, lane, past_line, cancellation")
        shop.handlers = Shop(shop.conn).handlers
        told = []
        for message in history(seed):
            for effect in await shop.feed(message):
                if isinstance(effect, DeadLetter):
                    told.append((effect.reason, effect.origin))
                elif isinstance(effect, Message) and effect.type != "back-order-queue.cancel-refused":
                    told.append((effect.type, effect.key, _without_ids(effect.value)))
            if forgetful:
                await shop.forget(at_once)
        said.append(told)
    assert await shop.rows("past_line") > 5
    assert _ordered(said[0]) == _ordered(said[1])


def _without_ids(value):
    """Content without what differs from run to run: times, and names that a counter gives."""
    data = msgspec.json.decode(value)
    return {name: part for name, part in data.items() if name not in {"at", "cause", "opened_at", "origin"}}


def _ordered(told):
    return [repr(each) for each in told if each[0] != "conflicting-duplicate"], sum(
        each[0] == "conflicting-duplicate" for each in told
    )


def test_the_defaults_outlast_every_topic():
    longest = max(topic.retention for topic in TOPICS.values() if topic.retention)
    assert KEEP.closed_lines >= longest
    assert KEEP.repeats >= KEEP.closed_lines
    assert timedelta(days=RetentionSettings().dead_letters_days) >= longest
