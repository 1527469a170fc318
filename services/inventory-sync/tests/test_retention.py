"""Old versions and closed deliveries leave, and what is repeated is still known."""

from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from engine_support.held_rows import check_that_they_wait_for_nobody
from msgspec.structs import replace
from supply_world import CALM, START, delivery, received, stock

from backorder_contracts import identity
from backorder_contracts.topics import TOPICS
from backorder_runtime.asking import together
from backorder_runtime.handler import Arrived
from inventory_sync import retention
from inventory_sync.handlers import Positions
from inventory_sync.settings import KeepSettings

DAY = timedelta(days=1)


class Feed:
    """The supply of one shard over a real database."""

    def __init__(self, conn):
        self.conn = conn
        self.handler = Positions(CALM, 1_000)

    async def take(self, *entries):
        """All this comes, one after the other; returns what is published."""
        effects = []
        for entry in entries:
            arrived = Arrived(identity.lane(entry.part_id, entry.location_id), entry)
            async with self.conn.transaction():
                await together(self.conn, {0: self.handler.load([arrived])})
                for each in self.handler.spread(arrived, None):
                    effects += self.handler.evolve(each, self.handler.decide(each, START), START)
                await together(self.conn, {0: self.handler.save()})
        return effects

    async def forget(self, *, days=0, most=1_000):
        """What retention would do so many days later; how many rows went."""
        gone = 0
        for rule in retention.table_rules(KeepSettings()):
            rows = await self.conn.fetch(rule.statement, datetime.now(UTC) + days * DAY - rule.after, most)
            gone += len(rows) if rule.table else 0
        return gone

    async def rows(self, table):
        return await self.conn.fetchval(f"SELECT count(*) FROM {table}")  # noqa: S608


@pytest.fixture
async def feed(database):
    conn = await asyncpg.connect(await database.migrated("inventory_sync"))
    yield Feed(conn)
    await conn.close()


async def test_old_versions_go_and_count_once_all_the_same(feed):
    left = stock(2, 5, shipped=[("SO-1", 1)])
    await feed.take(stock(1, 6), left, stock(3, 9))
    assert await feed.forget(days=29) == 0
    assert await feed.forget(days=31) == 3
    assert (await feed.rows("stock_version"), await feed.rows("forgotten_version")) == (0, 1)
    assert await feed.take(stock(1, 6), left, stock(3, 9)) == []
    feed.handler = Positions(CALM, 1_000)  # another process
    assert await feed.take(left) == []
    assert len(await feed.take(stock(4, 8))) == 1, "a new version counts"


async def test_versions_that_are_kept_are_told_apart_from_repetitions_as_before(feed):
    await feed.take(stock(1, 6))
    await feed.conn.execute("UPDATE stock_version SET taken_at = taken_at - interval '30 days'")
    await feed.take(stock(3, 9))
    assert await feed.forget(days=1) == 1
    late = stock(2, 5, shipped=[("SO-1", 1)])
    assert len(await feed.take(late)) == 1, "late, but above what is forgotten"
    assert await feed.take(late) == []


async def test_an_old_version_that_came_late_and_goes_late_brings_none_back(feed):
    left = stock(4, 5, shipped=[("SO-1", 1)])
    await feed.take(left, stock(9, 6))
    await feed.conn.execute("UPDATE stock_version SET taken_at = taken_at - interval '10 days'")
    await feed.take(stock(2, 7, shipped=[("SO-2", 1)]))
    assert await feed.forget(days=21) == 2
    assert await feed.forget(days=31) == 1
    assert await feed.take(left) == []


async def test_a_step_takes_no_more_versions_than_it_may(feed):
    await feed.take(*(stock(version, 5) for version in range(3)))
    assert [await feed.forget(days=31, most=2) for _ in range(3)] == [2, 1, 0]


async def test_closed_deliveries_are_known_again_until_nobody_repeats_them(feed):
    first = delivery(1, 10)
    done = replace(delivery(2, 10), status="received", received_quantity=10, origin=first.origin)
    await feed.take(first, received(1, 10, first.delivery_id, 10), done, replace(first, delivery_id="open"))
    assert await feed.forget(days=31) == 1, "the version"
    assert await feed.take(first) == []
    assert await feed.forget(days=399) == 0
    assert await feed.forget(days=401) == 1
    assert await feed.conn.fetch("SELECT delivery_id FROM delivery") == [("open",)]
    assert await feed.conn.fetch("SELECT delivery_id FROM delivery_lane") == [("open",)]


async def test_deliveries_of_the_version_before_are_noted_first_and_stay_for_their_time(feed):
    await feed.take(replace(delivery(1, 10), status="cancelled"))
    await feed.conn.execute("UPDATE delivery SET closed_at = NULL")
    assert await feed.forget(days=500) == 0
    assert await feed.forget(days=901) == 1


async def test_a_rule_of_tables_waits_for_nobody(database, feed):
    await feed.take(stock(1, 6), *(delivery(1, 10, name=name, status="cancelled") for name in ("PO-1", "PO-2")))
    await feed.conn.execute("UPDATE delivery SET closed_at = NULL WHERE delivery_id = 'PO-2'")
    now, url = datetime.now(UTC) + 401 * DAY, await database.migrated("inventory_sync")
    await check_that_they_wait_for_nobody(url, retention.table_rules(KeepSettings()), now)


def test_the_defaults_outlast_every_topic():
    longest = max(topic.retention for topic in TOPICS.values() if topic.retention)
    assert timedelta(days=KeepSettings().versions_days) >= longest
    assert KeepSettings().repeats_days >= KeepSettings().versions_days
