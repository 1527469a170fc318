"""What stock records and supplier deliveries lead to, one story at a time."""

from datetime import timedelta

import pytest
from msgspec.structs import replace
from supply_world import HOUR, START, World, delivery, received, stock

from backorder_contracts.internal import ShippedLine
from backorder_contracts.supply import InboundScheduled, SupplyDiscrepancy
from inventory_sync.domain.events import DeliveryArrived, TimeCame
from inventory_sync.domain.model import Rules


def moves(events):
    return [(event.version, event.on_hand, event.moved) for event in events]


def test_a_level_is_told_with_its_source_and_its_cause():
    world = World()
    (event,) = world.take(received(3, 12, "PO-1", 10))
    assert (event.on_hand, event.version, event.moved, event.quantity) == (12, 3, True, 10)
    assert (event.source.topic, event.source.offset) == ("stock-changed", 3)
    assert event.cause.model_dump() == {"type": "stock.changed", "id": "s3", "delivery_id": "PO-1"}


def test_a_repeated_version_changes_nothing_even_when_it_was_said_at_another_time():
    world = World()
    record = stock(3, 12, shipped=[("SO-1", 2)])
    assert len(world.take(record)) == 1
    assert world.take(record, replace(record, occurred_at=START + HOUR)) == []
    assert world.letters == []


def test_a_late_version_moves_no_level_and_is_told_only_for_its_shipments():
    world = World()
    world.take(stock(5, 8))
    assert world.take(stock(3, 20)) == []
    late = stock(4, 10, shipped=[("SO-1", 2)])
    assert moves(world.take(late)) == [(4, 8, False)]
    assert world.take(late) == []


def test_the_first_version_may_be_zero_and_the_first_level_too():
    assert moves(World().take(stock(0, 0))) == [(0, 0, True)]


def test_a_contradicting_version_is_a_dead_letter_and_people_hear_of_it_once():
    world = World()
    world.take(stock(1, 5, shipped=[("SO-1", 2)]))
    (event,) = world.take(stock(1, 7, shipped=[("SO-1", 3)], offset=8), stock(1, 6, offset=9))
    assert (event.kind, event.expected, event.found, event.since) == ("version-conflict", 5, 7, START)
    assert [(letter.origin.offset, letter.reason) for letter in world.letters] == [
        (8, "conflicting-duplicate"),
        (9, "conflicting-duplicate"),
    ]
    assert world.lane.on_hand == 5


@pytest.mark.parametrize(
    "other",
    [
        {"on_hand": 7},
        {"reason": "counted"},
        {"quantity": 3},
        {"delivery_id": "PO-2"},
        {"shipped": (ShippedLine("SO-1", "1", 3),)},
    ],
    ids=lambda other: next(iter(other)),
)
def test_a_version_with_another_content_contradicts_whatever_differs(other):
    world = World()
    record = replace(received(1, 5, "PO-1", 2), shipped=(ShippedLine("SO-1", "1", 2),))
    world.take(record, replace(record, **other))
    assert [letter.reason for letter in world.letters] == ["conflicting-duplicate"]
    assert world.doubts[0][0] == "version-conflict"


def test_shipped_lines_in_another_order_are_a_repetition():
    world = World()
    record = stock(1, 5, shipped=[("SO-1", 2), ("SO-2", 1)])
    world.take(record)
    assert world.take(replace(record, shipped=record.shipped[::-1])) == []
    assert world.letters == []


def test_what_is_not_above_the_forgotten_versions_counts_as_taken():
    world = World()
    world.take(stock(9, 8))
    world.lane.forgotten = 4
    assert world.take(stock(3, 1, shipped=[("SO-1", 2)]), stock(4, 2, shipped=[("SO-2", 2)])) == []
    assert moves(world.take(stock(5, 3, shipped=[("SO-3", 2)]))) == [(5, 8, False)]


def test_a_delivery_is_scheduled_with_its_promise_and_a_cautious_date():
    world = World(Rules(margin=timedelta(days=2)))
    (event,) = world.take(delivery(1, due=24 * HOUR))
    (listed,) = event.deliveries
    assert (listed.open_quantity, listed.p50, listed.p90) == (10, START + 24 * HOUR, START + 72 * HOUR)
    assert event.cause.id == "PO-1/1"


def test_the_first_promise_is_kept_beside_the_newest():
    world = World()
    world.take(delivery(1, due=24 * HOUR), delivery(2, due=24 * HOUR, status="shipped"), delivery(4, due=48 * HOUR))
    (listed,) = world.of(InboundScheduled)[-1].deliveries
    assert (listed.first_promised_at, listed.promised_at) == (START + 24 * HOUR, START + 48 * HOUR)
    assert world.lane.deliveries["PO-1"].announced.revisions == 1
    assert world.take(delivery(3, due=99 * HOUR)) == []


def test_deliveries_stand_in_the_order_in_which_they_are_expected():
    world = World()
    world.take(
        delivery(1, name="C", due=HOUR), delivery(1, name="B", due=2 * HOUR), delivery(1, name="A", due=2 * HOUR)
    )
    assert [each.delivery_id for each in world.events[-1].deliveries] == ["C", "A", "B"]


def test_a_partial_receipt_leaves_the_rest_open():
    world = World()
    world.take(delivery(1), delivery(2, status="received", got=4))
    assert world.inbound == {"PO-1": 6}
    world.take(delivery(3, status="received", got=10))
    assert world.inbound == {}


def test_a_cancelled_delivery_is_no_longer_expected():
    world = World()
    world.take(delivery(1), delivery(2, status="cancelled", got=4))
    assert world.inbound == {}
    assert world.take(delivery(3, status="cancelled", got=4)) == []
    world.take(delivery(4, status="promised", got=4))
    assert world.inbound == {"PO-1": 6}


def test_units_in_stock_are_not_expected_a_second_time():
    world = World()
    world.take(delivery(1), received(1, 4, "PO-1", 4))
    assert world.inbound == {"PO-1": 6}
    world.take(delivery(2, got=4))
    assert world.inbound == {"PO-1": 6}
    world.take(received(1, 4, "PO-1", 4), received(2, 10, "PO-1", 6))
    assert world.inbound == {}
    assert world.passes(99 * HOUR) == []


def test_a_receipt_that_comes_late_still_counts_for_its_delivery():
    world = World()
    world.take(delivery(1), stock(9, 20))
    (event,) = world.take(received(5, 4, "PO-1", 4))
    assert event.deliveries[0].open_quantity == 6


def test_a_receipt_without_a_quantity_counts_the_rise_of_the_level():
    world = World()
    world.take(delivery(1), stock(1, 3), received(2, 7, "PO-1", None))
    assert world.inbound == {"PO-1": 6}
    world.take(received(3, 2, "PO-1", None))
    assert world.inbound == {"PO-1": 6}


def test_only_a_receipt_brings_units_of_a_delivery():
    world = World()
    world.take(delivery(1), stock(1, 5, reason="returned", quantity=5, delivery_id="PO-1"))
    assert world.inbound == {"PO-1": 10}


def test_a_delivery_becomes_overdue_when_its_time_comes_and_no_longer_when_it_is_moved():
    world = World()
    world.take(delivery(1, due=2 * HOUR))
    assert world.passes(HOUR) == []
    (event,) = world.passes(HOUR)
    assert (event.deliveries[0].overdue, event.cause.type, event.cause.id) == (True, "timer", "overdue")
    (event,) = world.take(delivery(2, due=5 * HOUR))
    assert not event.deliveries[0].overdue
    world.take(delivery(3, due=5 * HOUR, got=10))
    assert world.timers.keys() == {"received-not-in-stock PO-1"}


def test_a_date_that_has_passed_is_overdue_from_the_start():
    world = World()
    (event,) = world.take(delivery(1, due=-HOUR))
    assert event.deliveries[0].overdue
    assert world.timers == {}


def test_feeds_that_agree_in_time_raise_no_doubt():
    world = World()
    world.take(delivery(1, got=10))
    world.passes(0.9 * HOUR)
    world.take(received(1, 10, "PO-1", 10), received(2, 13, "PO-2", 3))
    world.passes(0.9 * HOUR)
    world.take(delivery(1, 3, name="PO-2", got=3))
    assert world.passes(99 * HOUR) == []
    assert world.doubts == []


def test_what_was_received_and_never_stood_in_stock_is_told_once_per_onset():
    world = World()
    world.take(delivery(1, got=6))
    world.passes(0.5 * HOUR)
    world.take(delivery(2, got=8))
    world.passes(99 * HOUR)
    assert world.doubts == [("received-not-in-stock", "PO-1", 8, 0)]
    assert world.of(SupplyDiscrepancy)[0].since == START
    world.take(received(1, 8, "PO-1", 8))
    world.take(delivery(3, got=10))
    world.passes(99 * HOUR)
    assert world.doubts[1:] == [("received-not-in-stock", "PO-1", 10, 8)]


def test_a_receipt_of_a_delivery_that_nobody_announced_is_told():
    world = World()
    world.take(received(1, 5, "PO-9", 5))
    world.passes(2 * HOUR)
    assert world.doubts == [("in-stock-not-announced", "PO-9", 0, 5)]


def test_more_than_was_announced_is_told():
    world = World()
    world.take(delivery(1, 10), received(1, 12, "PO-1", 12))
    world.passes(2 * HOUR)
    assert world.doubts == [("over-delivered", "PO-1", 10, 12)]


def test_where_receipts_name_no_delivery_a_received_one_is_nothing_unusual():
    world = World(Rules(receipts_named=False))
    world.take(delivery(1, 10, got=10), stock(1, 10, reason="received", quantity=10))
    assert world.passes(99 * HOUR) == []


def test_a_delivery_that_another_lane_has_is_a_dead_letter():
    world = World()
    assert world.happen(DeliveryArrived(delivery(7), elsewhere="P@M")) == []
    (letter,) = world.letters
    assert (letter.reason, letter.origin.topic) == ("conflicting-duplicate", "supplier-delivery")
    assert "P@M" in letter.detail


def test_a_contradicting_version_of_a_delivery_is_a_dead_letter_and_told_once():
    world = World()
    world.take(delivery(2, 10))
    world.take(delivery(2, 12, offset=5), delivery(2, 12, offset=6))
    assert world.doubts == [("version-conflict", "PO-1", 10, 12)]
    assert [letter.origin.offset for letter in world.letters] == [5, 6]
    assert world.inbound == {"PO-1": 10}
    world.take(delivery(3, 10), delivery(3, 11, offset=7))
    assert len(world.doubts) == 2


@pytest.mark.parametrize(
    "other",
    [
        {"supplier_id": "SUP-2"},
        {"status": "shipped"},
        {"quantity": 11},
        {"received_quantity": 1},
        {"promised_at": START + 25 * HOUR},
    ],
    ids=lambda other: next(iter(other)),
)
def test_a_version_of_a_delivery_with_another_content_contradicts_whatever_differs(other):
    world = World()
    world.take(delivery(1), replace(delivery(1), **other))
    assert [letter.reason for letter in world.letters] == ["conflicting-duplicate"]
    assert world.doubts[0][0] == "version-conflict"


def test_a_reminder_of_what_is_settled_says_nothing():
    world = World()
    world.take(delivery(1))
    for kind in ("overdue", "received-not-in-stock", "no such kind"):
        assert world.happen(TimeCame(kind, "PO-1")) == []
        assert world.happen(TimeCame(kind, "PO-2")) == []
