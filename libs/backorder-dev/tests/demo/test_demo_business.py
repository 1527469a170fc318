"""The business honours its stock, and reacts only to what it can know."""

from collections import Counter

import pytest
from demo_desk import START, play

from backorder_dev.demo.acts import (
    Announce,
    CancelOrder,
    OrderLine,
    PlaceOrder,
    Plan,
    Receive,
    RepeatOrder,
    Stock,
    Timed,
)
from backorder_dev.demo.business import Business
from backorder_dev.demo.plan import make_plan
from backorder_dev.demo.records import Event
from backorder_dev.demo.stories import EARLY

LONG_AGO = 0.0


def order(order_id="SO-1", quantity=3, policy="available"):
    return PlaceOrder(order_id, "C-1", "gold", (OrderLine("1", "BRK-1", "W1", quantity, "9.90", ship_policy=policy),))


def business(*timed, stock=10):
    made = Business(Plan((Stock("BRK-1", "W1", stock),), tuple(timed), seconds=60), seed=1)
    made.opening(START)
    made.begin(START)
    return made


def state(version=2, *, covered=0, waiting=0, allocated=0, released=0, shipped=0, order_id="SO-1"):
    quantity = {
        "covered": covered, "waiting": waiting, "allocated": allocated, "released": released, "shipped": shipped
    }  # fmt: skip
    data = {"order_id": order_id, "line_id": "1", "version": version, "quantity": quantity}
    return Event("back-order-state", 0, version, "back-order.released", f"e{version}", "BRK-1@W1", data, START + 10)


def shipments(records):
    return [
        (shipped["order_id"], shipped["quantity"])
        for record in records
        if record.topic == "stock-changed"
        for shipped in record.data.get("shipped") or ()
    ]


def test_an_order_is_picked_when_the_system_has_heard_of_it_and_speaks_of_no_shortage():
    shop = business(Timed(0, order()))
    shop.due(START, LONG_AGO)
    assert shipments(shop.due(START + 30, tide=START - 1)) == []
    assert shipments(shop.due(START + 30, tide=START + 1)) == [("SO-1", 3)]


def test_only_what_was_covered_is_picked_of_an_order_that_found_too_little():
    shop = business(Timed(0, order()), stock=10)
    shop.due(START, LONG_AGO)
    shop.hear(state(covered=1, waiting=2))
    assert shipments(shop.due(START + 30, tide=START + 1)) == [("SO-1", 1)]


def test_released_units_are_shipped_once():
    shop = business(Timed(0, order()))
    shop.due(START, LONG_AGO)
    shop.hear(state(2, released=3))
    assert shipments(shop.due(START + 30, tide=START + 1)) == [("SO-1", 3)]
    shop.hear(state(2, released=3))
    shop.hear(state(3, shipped=3))
    assert shipments(shop.due(START + 40, tide=START + 31)) == []


def test_the_warehouse_never_ships_more_than_it_has_and_remembers_what_was_missing():
    shop = business(Timed(0, order(quantity=5)), stock=2)
    shop.due(START, LONG_AGO)
    shop.hear(state(released=5))
    assert shipments(shop.due(START + 30, tide=START + 1)) == [("SO-1", 2)]
    assert shop.warehouse.short_picks == {"BRK-1@W1": 3}


def test_a_customer_who_wants_all_at_once_gets_the_cover_with_the_rest():
    shop = business(Timed(0, order(policy="complete")))
    shop.due(START, LONG_AGO)
    shop.hear(state(2, covered=1, waiting=2))
    assert shipments(shop.due(START + 30, tide=START + 1)) == []
    shop.hear(state(3, covered=1, released=2))
    assert shipments(shop.due(START + 30, tide=START + 1)) == [("SO-1", 3)]


def test_a_cancelled_order_is_not_picked_any_more():
    shop = business(Timed(0, order()), Timed(1, CancelOrder("SO-1")))
    shop.due(START, LONG_AGO)
    records = shop.due(START + 1, tide=START + 0.5)
    assert [record.topic for record in records] == ["order-cancelled"]
    assert shipments(shop.due(START + 30, tide=START + 29)) == []


def test_a_cancellation_waits_until_the_system_has_seen_what_was_shipped():
    shop = business(Timed(0, order()), Timed(20, CancelOrder("SO-1")))
    shop.due(START, LONG_AGO)
    shop.hear(state(covered=1, waiting=2))
    assert shipments(shop.due(START + 19, tide=START + 1)) == [("SO-1", 1)]
    assert shop.due(START + 20, tide=START + 18) == []
    assert [record.topic for record in shop.due(START + 21, tide=START + 20)] == ["order-cancelled"]


def test_what_was_shipped_whole_is_not_cancelled():
    shop = business(Timed(0, order()), Timed(20, CancelOrder("SO-1")))
    shop.due(START, LONG_AGO)
    shop.due(START + 19, tide=START + 1)
    assert shop.due(START + 30, tide=START + 25) == []
    assert shop.done


def test_a_repeated_order_is_the_same_record_and_a_contradiction_is_not():
    shop = business(Timed(0, order()), Timed(1, RepeatOrder("SO-1")), Timed(2, RepeatOrder("SO-1", other_quantity=9)))
    (first,) = shop.due(START, LONG_AGO)
    (again,) = shop.due(START + 1, LONG_AGO)
    (other,) = shop.due(START + 2, LONG_AGO)
    assert again == first
    assert other.refused == "conflicting-duplicate"
    assert other.data["lines"][0]["quantity"] == 9


def test_purchasing_books_a_delivery_a_moment_after_the_goods_arrived():
    promise = Announce("PO-1/1", "SUP-01", "BRK-1", "W1", 4, 1.0)
    shop = business(Timed(0, promise), Timed(1, Receive("PO-1/1", 4)))
    shop.due(START, LONG_AGO)
    (arrived,) = shop.due(START + 1, LONG_AGO)
    assert (arrived.topic, arrived.data["on_hand"], arrived.data["delivery_id"]) == ("stock-changed", 14, "PO-1/1")
    (booked,) = shop.due(START + 5, LONG_AGO)
    assert (booked.topic, booked.data["status"], booked.data["received_quantity"]) == (
        "supplier-delivery",
        "received",
        4,
    )


def test_a_scene_goes_on_only_when_the_system_has_taken_in_its_last_act():
    plan = make_plan(seed=1, lines=20, seconds=60)
    scene = [timed for timed in plan.acts if timed.story == EARLY]
    shop = Business(Plan(plan.opening, tuple(scene), 60), seed=1)
    shop.opening(START)
    shop.begin(START)
    assert [record.topic for record in shop.due(START + 40, LONG_AGO)] == ["order-placed"]
    assert shop.due(START + 50, tide=START + 39) == []
    assert [record.topic for record in shop.due(START + 51, tide=START + 41)] == ["stock-changed"]


@pytest.mark.parametrize("seed", range(1, 6))
def test_a_whole_play_never_ships_what_is_not_there(seed):
    evidence = play(make_plan(seed=seed, lines=400, seconds=30), seed=seed)
    assert evidence.short_picks == {}
    levels: Counter[str] = Counter()
    versions: Counter[str] = Counter()
    for sent in evidence.sent:
        if sent.record.topic == "stock-changed" and sent.record.data:
            data = sent.record.data
            if data["version"] <= versions[sent.record.key]:
                continue  # published once more
            versions[sent.record.key] = data["version"]
            assert data["on_hand"] >= 0
            if data["reason"] == "shipped":
                shipped = sum(each["quantity"] for each in data["shipped"])
                assert levels[sent.record.key] - shipped == data["on_hand"]
            levels[sent.record.key] = data["on_hand"]
