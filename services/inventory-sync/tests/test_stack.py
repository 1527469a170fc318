"""The whole service on a real broker and a real database."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from running_service import Feeds, running, settings_for

from backorder_contracts.supply import InboundScheduled, StockPositioned, SupplyDiscrepancy
from backorder_dev.reading import empty_topics

pytestmark = pytest.mark.stack


@pytest.fixture
async def feeds(broker):
    await empty_topics(broker.bootstrap_servers)  # each test has a database that knows of nothing that stood there
    async with Feeds(broker) as opened:
        yield opened


async def test_stock_and_deliveries_become_positions_and_a_schedule(broker, database, feeds):
    po = f"PO-{feeds.part}"
    async with running(settings_for(broker, database)) as service:
        await feeds.delivery(1)
        await feeds.until(lambda: feeds.inbound() == {po: (10, False)}, service)
        await feeds.stock(5, 6, reason="received", delivery_id=po, quantity=6)
        await feeds.until(lambda: feeds.inbound() == {po: (4, False)}, service)
        await feeds.stock(5, 6, reason="received", delivery_id=po, quantity=6)
        await feeds.delivery(1)
        await feeds.delivery(2, status="received", got=10)
        await feeds.until(lambda: feeds.inbound() == {}, service)
        shipped = [{"order_id": "SO", "line_id": "1", "quantity": 2}]
        await feeds.stock(9, 1)
        await feeds.until(lambda: len(feeds.levels()) == 2, service)
        await feeds.stock(7, 3)  # late, and nothing in it to count
        await feeds.stock(6, 4, reason="shipped", shipped=shipped)
        await feeds.until(lambda: len(feeds.levels()) == 3, service)
    assert feeds.levels() == [(5, 6, True), (9, 1, True), (6, 1, False)]
    late = feeds.of(StockPositioned)[-1]
    assert [line.quantity for line in late.shipped] == [2]
    first = feeds.of(StockPositioned)[0]
    assert (first.cause.type, first.cause.delivery_id) == ("stock.changed", po)
    assert first.source.topic == "stock-changed"
    assert {key for key, _, _ in feeds.events} == {f"{feeds.part}@L"}
    assert len({headers["ce_id"] for _, headers, _ in feeds.events}) == len(feeds.events)
    assert feeds.letters == []


async def test_what_contradicts_is_a_dead_letter_and_the_first_stands(broker, database, feeds):
    po = f"PO-{feeds.part}"
    async with running(settings_for(broker, database)) as service:
        await feeds.stock(1, 5)
        await feeds.until(lambda: feeds.levels() == [(1, 5, True)], service)
        await feeds.stock(1, 4)
        await feeds.delivery(1)
        await feeds.until(lambda: feeds.inbound() is not None, service)
        for location in ("L2", "L3", "L4", "L5"):  # some of them in another shard
            await feeds.delivery(2, location=location)
        await feeds.publish("stock-changed", f'{{"part_id": "{feeds.part}"'.encode())
        await feeds.stock(2, 7)
        await feeds.until(lambda: len(feeds.letters) == 6 and len(feeds.levels()) == 2, service)
    reasons = sorted(headers["dlq-reason"] for _, headers in feeds.letters)
    assert reasons == ["conflicting-duplicate"] * 5 + ["not-json"]
    contradicting = [
        value for value, headers in feeds.letters if headers["dlq-topic"] == "stock-changed" and value.endswith(b"}")
    ]
    assert [json.loads(value)["on_hand"] for value in contradicting] == [4]
    assert [(d.kind, d.expected, d.found) for d in feeds.of(SupplyDiscrepancy)] == [("version-conflict", 5, 4)]
    assert feeds.inbound() == {po: (10, False)}
    assert all(feeds.inbound(location) is None for location in ("L2", "L3", "L4", "L5"))


async def test_a_delivery_announced_in_many_lanes_at_once_belongs_to_one(broker, database, feeds):
    locations = [f"L{number}" for number in range(12)]
    async with running(settings_for(broker, database)) as service:
        await asyncio.gather(*(feeds.delivery(1, location=location) for location in locations))
        await feeds.until(lambda: len(feeds.letters) == len(locations) - 1, service)
    assert len([location for location in locations if feeds.inbound(location)]) == 1
    assert len(feeds.of(InboundScheduled)) == 1


async def test_time_makes_deliveries_overdue_and_doubts_known(broker, database, feeds):
    po = f"PO-{feeds.part}"
    soon = (datetime.now(UTC) + timedelta(seconds=3)).isoformat()
    async with running(settings_for(broker, database, grace=1)) as service:
        await feeds.delivery(1, due=soon)
        await feeds.until(lambda: feeds.inbound() == {po: (10, False)}, service)
        await feeds.until(lambda: feeds.inbound() == {po: (10, True)}, service)
        assert feeds.of(InboundScheduled)[-1].cause.type == "timer"
        await feeds.delivery(2, got=4, due=soon)
        await feeds.until(lambda: feeds.of(SupplyDiscrepancy), service)
        await feeds.stock(1, 4, reason="received", delivery_id=po, quantity=4)
        await feeds.stock(2, 5, reason="received", delivery_id="nobody said so", quantity=1)
        await feeds.until(lambda: len(feeds.of(SupplyDiscrepancy)) == 2, service)
    kinds = [(each.kind, each.expected, each.found) for each in feeds.of(SupplyDiscrepancy)]
    assert kinds == [("received-not-in-stock", 4, 0), ("in-stock-not-announced", 0, 1)]


async def test_a_restart_changes_nothing_and_forgets_nothing(broker, database, feeds):
    po = f"PO-{feeds.part}"
    shipped = [{"order_id": "SO", "line_id": "1", "quantity": 2}]
    for cached_lanes, top in ((1_000, 10), (1, 20)):
        async with running(settings_for(broker, database, cached_lanes=cached_lanes)) as service:
            await feeds.delivery(1)
            await feeds.stock(1, 5, reason="received", delivery_id=po, quantity=3)
            await feeds.stock(2, 3, reason="shipped", shipped=shipped)
            await feeds.stock(top, top)
            await feeds.until(lambda top=top: (top, top, True) in feeds.levels(), service)
            await feeds.delivery(2, quantity=12)
            await feeds.until(lambda: feeds.inbound() == {po: (9, False)}, service)
    assert feeds.levels() == [(1, 5, True), (2, 3, True), (10, 10, True), (20, 20, True)]
    connection = await asyncpg.connect(database.urls["inventory_sync"])
    try:
        assert (
            await connection.fetchval(
                "SELECT count(*) FROM stock_version v JOIN lane USING (lane) WHERE part_id = $1", feeds.part
            )
            == 4
        )
        assert await connection.fetchval("SELECT in_stock FROM delivery WHERE delivery_id = $1", po) == 3
        assert await connection.fetchval("SELECT revisions FROM delivery WHERE delivery_id = $1", po) == 0
    finally:
        await connection.close()
