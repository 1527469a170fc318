"""The verdict is real: it is content with an honest history, and with no other."""

from dataclasses import replace

import pytest
from demo_desk import play
from demo_tamper import alter, find, the, wrong

from backorder_dev.demo.letters import subscribers
from backorder_dev.demo.plan import make_plan


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_an_honest_history_passes(seed):
    plan = make_plan(seed=seed, lines=400, seconds=30)
    contacts = subscribers(plan.customers, seed=seed, push_url="http://127.0.0.1:1/push")
    assert wrong(play(plan, seed=seed, contacts=contacts)) == []


def test_a_lost_event_is_noticed(evidence):
    del evidence.events[find(evidence, "back-order-state", "prioritised")]
    assert the("without gap", evidence)


def test_a_lost_opening_is_noticed(evidence):
    del evidence.events[find(evidence, "back-order-state", "opened")]
    assert the("without gap", evidence)


def test_a_repeated_event_changes_nothing(evidence):
    evidence.events.append(evidence.events[find(evidence, "back-order-state", "allocated")])
    assert wrong(evidence) == []


def test_a_repeated_event_with_other_content_is_noticed(evidence):
    place = find(evidence, "back-order-state", "allocated")
    evidence.events.append(replace(evidence.events[place], id="another"))
    assert the("with other content", evidence)


def test_units_that_do_not_add_up_are_noticed(evidence):
    place = find(evidence, "back-order-state", "allocated")
    alter(evidence, place, lambda data: data["quantity"].update(allocated=data["quantity"]["allocated"] + 1))
    assert the("units add up", evidence)


def test_a_back_order_of_which_only_the_snapshot_is_left_is_noticed(evidence):
    name = evidence.events[find(evidence, "back-order-state", "completed")].data["back_order_id"]
    evidence.events = [
        event for event in evidence.events if event.topic != "back-order-state" or event.data["back_order_id"] != name
    ]
    assert the("snapshot", evidence)


def test_a_waiting_back_order_that_disappears_is_noticed(evidence):
    waiting = [
        event for event in evidence.events if event.topic == "back-order-snapshot" and event.data["quantity"]["waiting"]
    ]
    name = next(
        event.key
        for event in reversed(waiting)
        if not any(
            e.key == event.key and not e.data["quantity"]["waiting"] for e in evidence.events if e.topic == event.topic
        )
    )
    evidence.events = [
        event for event in evidence.events if event.key != name and (event.data or {}).get("back_order_id") != name
    ]
    assert the("order lines = covered", evidence)
    assert the("units that still wait", evidence)


def last_state(evidence, **units):
    """The place of the newest state of a back order with so many units somewhere."""
    newest = {
        event.data["back_order_id"]: place
        for place, event in enumerate(evidence.events)
        if event.topic == "back-order-state"
    }
    return next(
        place
        for place in newest.values()
        if all(evidence.events[place].data["quantity"][name] == count for name, count in units.items())
        and evidence.events[place].data["quantity"]["waiting"]
    )


def test_units_promised_that_are_not_there_are_noticed(evidence):
    place = last_state(evidence, allocated=0)
    alter(evidence, place, lambda data: data["quantity"].update(waiting=0, allocated=data["quantity"]["waiting"]))
    assert the("no more is covered, allocated and released than is there", evidence)


def test_idle_units_are_noticed(evidence):
    """A receipt that the queue never hears of: the level is right, and nobody gets the units."""
    waiting = evidence.events[last_state(evidence, allocated=0)].data
    where = (waiting["part_id"], waiting["location_id"])
    sent = next(
        place
        for place, each in reversed(list(enumerate(evidence.sent)))
        if each.record.topic == "stock-changed"
        and each.record.data
        and (each.record.data["part_id"], each.record.data["location_id"]) == where
    )
    before = evidence.sent[sent]
    level = before.record.data["on_hand"] + 3
    data = {"part_id": where[0], "location_id": where[1], "on_hand": level, "version": 9_999, "reason": "counted"}
    evidence.sent.append(replace(before, record=replace(before.record, data=data), offset=99_999))
    position = next(event for event in evidence.events if event.type == "stock.positioned")
    evidence.events.append(replace(position, id="more", offset=99_999, data={**data, "moved": True}))
    assert the("nothing lies idle", evidence)


def test_a_missing_dead_letter_is_noticed(evidence):
    del evidence.events[find(evidence, "gap-detector.dead-letter")]
    assert the("dead letters", evidence)


def test_a_dead_letter_too_many_is_noticed(evidence):
    letter = evidence.events[find(evidence, "gap-detector.dead-letter")]
    evidence.events.append(replace(letter, offset=999, letter={**letter.letter, "offset": "12345"}))
    assert the("dead letters", evidence)


def test_a_dead_letter_with_the_wrong_reason_is_noticed(evidence):
    place = find(evidence, "inventory-sync.dead-letter")
    letter = evidence.events[place]
    evidence.events[place] = replace(letter, letter={**letter.letter, "reason": "empty"})
    assert the("dead letters", evidence)


def test_a_stock_record_without_effect_is_noticed(evidence):
    del evidence.events[find(evidence, "supply", "stock.positioned", reason="received")]
    assert the("stock records that moved a level once", evidence)


def test_a_stock_record_that_counts_twice_is_noticed(evidence):
    position = evidence.events[find(evidence, "supply", "stock.positioned", reason="shipped")]
    evidence.events.append(replace(position, id="again", offset=99_999))
    assert the("stock records that moved a level once", evidence)


def test_a_shipment_that_is_not_counted_is_noticed(evidence):
    place = find(evidence, "back-order-state", "completed")
    name = evidence.events[place].data["back_order_id"]
    for other, event in enumerate(evidence.events):
        if event.topic == "back-order-state" and event.data["back_order_id"] == name:
            units = event.data["quantity"]
            alter(
                evidence,
                other,
                lambda data, units=units: data["quantity"].update(
                    shipped=0, released=units["released"] + units["shipped"]
                ),
            )
    assert the("units shipped for back orders", evidence)
    assert the("never shipped", evidence)


def test_a_back_order_that_does_not_end_is_noticed(evidence):
    place = find(evidence, "back-order-state", "completed")
    alter(evidence, place, lambda data: data.update(status="shipped"))
    assert the("ended once", evidence)


def test_a_delivery_that_never_came_is_noticed(evidence):
    place = find(evidence, "back-order-state", "completed")
    alter(evidence, place, lambda data: data.update(supplied_by=[{"delivery_id": "PO-0/1", "quantity": 1}]))
    assert the("name the deliveries", evidence)


def test_a_completed_back_order_without_its_delivery_is_noticed(evidence):
    place = find(evidence, "back-order-state", "completed", order_id="SO-9001")
    alter(evidence, place, lambda data: data.update(supplied_by=[]))
    assert the("name the deliveries", evidence)


def test_a_snapshot_that_lags_behind_is_noticed(evidence):
    del evidence.events[
        max(place for place, event in enumerate(evidence.events) if event.topic == "back-order-snapshot")
    ]
    assert the("snapshot", evidence)


def test_an_emergency_that_does_not_overtake_is_noticed(evidence):
    first = find(evidence, "back-order-state", "allocated", order_id="SO-9002")
    second = find(evidence, "back-order-state", "allocated", order_id="SO-9001")
    one, other = evidence.events[first], evidence.events[second]
    evidence.events[first] = replace(one, offset=other.offset)
    evidence.events[second] = replace(other, offset=one.offset)
    assert "scene: emergency overtakes" in wrong(evidence)


@pytest.mark.parametrize(
    ("scene", "order_id", "ce_type"),
    [
        ("emergency takes back", "SO-9003", "revoked"),
        ("waiting order cancelled", "SO-9005", "cancelled"),
        ("partly allocated, cancelled", "SO-9007", "allocated"),
        ("damaged pallet", "SO-9010", "revoked"),
        ("early delivery", "SO-9011", "completed"),
        ("complete only", "SO-9013", "released"),
    ],
)
def test_a_scene_that_ends_otherwise_is_noticed(evidence, scene, order_id, ce_type):
    del evidence.events[find(evidence, "back-order-state", ce_type, order_id=order_id)]
    assert f"scene: {scene}" in wrong(evidence)


def test_units_that_the_warehouse_did_not_have_are_noticed(evidence):
    evidence.short_picks = {"BRK-2041@W1": 2}
    assert the("did not have", evidence)


def test_an_event_that_is_not_as_the_contract_says_is_noticed(evidence):
    alter(evidence, find(evidence, "back-order-state", "allocated"), lambda data: data.pop("band"))
    assert the("as the contract says", evidence)


def test_an_event_that_lacks_what_its_type_must_have_is_noticed(evidence):
    alter(evidence, find(evidence, "back-order-state", "allocated"), lambda data: data.pop("rule"))
    assert the("as the contract says", evidence)


def test_events_that_make_no_sense_are_noticed_and_break_nothing(evidence):
    for topic in ("back-order-state", "supply", "notification-outcome", "back-order-snapshot"):
        alter(evidence, find(evidence, topic), lambda data: data.clear() or data.update(odd=1))
    alter(evidence, find(evidence, "back-order-state", "released"), lambda data: data["quantity"].clear())
    letter = find(evidence, "gap-detector.dead-letter")
    evidence.events[letter] = replace(evidence.events[letter], letter={})
    assert the("as the contract says", evidence)
    assert the("dead letters", evidence)


def test_unprocessed_records_are_noticed(evidence):
    evidence.lags["backorder.notifier.lanes ← back-order-state"] = 1
    assert the("has not processed", evidence)
