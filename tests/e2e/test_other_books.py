"""The oracle finds each wrong level, delivery, dead letter and notification, and nothing where all is right; on paper."""

import json
import random

import pytest
from e2e_support import oracle
from e2e_support.business import Business, Ordered
from e2e_support.paper_books import Paper, Row, record

LANE = ("K-00", "W1")
NAME = "@".join(LANE)
KEY = ("SO-1", "1")


# ── supply ─────────────────────────────────────────────────────────────────────────────────────────────
LEVEL = Row(lane=NAME, on_hand=2, version=2)


async def supply(*, sync=LEVEL, gap=LEVEL, versions=2, contested=(), deliveries=(("D-1", 1, "announced"),), sent=3):
    business = Business(random.Random(1), [LANE])
    business.lines = {KEY: Ordered(LANE, 3)}
    business.deliveries = {"D-1": (1, "announced")}
    business.warehouse.change(LANE, 5, "received")
    business.warehouse.ship(LANE, [(KEY, 3)])
    business.warehouse.sent[KEY] = sent
    paper = Paper(
        {
            "FROM inventory_sync.lane ": [sync],
            "FROM gap_detector.lane ": [gap],
            "count(*) FROM inventory_sync.stock_version": [(NAME, versions)],
            "WHERE contested": list(contested),
            "inventory_sync.delivery": list(deliveries),
        }
    )
    await oracle.all_supply(paper, business)


async def test_levels_versions_and_deliveries_that_are_those_of_the_warehouse_are_right():
    await supply()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"sync": Row(lane=NAME, on_hand=3, version=2)}, "levels in inventory_sync: 1 missing"),
        ({"gap": Row(lane=NAME, on_hand=2, version=1)}, "levels in gap_detector: 1 missing"),
        ({"versions": 3}, "each version once"),
        ({"contested": [Row(lane=NAME, version=1)]}, "versions with two contents"),
        ({"deliveries": []}, "deliveries: 1 missing"),
        ({"deliveries": [("D-1", 1, "cancelled")]}, "deliveries: 1 missing"),
        ({"sent": 2}, "the test lost count"),
    ],
)
async def test_supply_that_is_not_that_of_the_warehouse_is_found(wrong, said):
    with pytest.raises(AssertionError, match=said):
        await supply(**wrong)


# ── dead letters ───────────────────────────────────────────────────────────────────────────────────────
GOOD, BAD = record(b"{}", 0), record(b"[]", 1, reason="not-an-object")


def letter(offset=1, reason="not-an-object", value=b"[]"):
    return record(value, dlq_topic="order-placed", dlq_partition=0, dlq_offset=offset, dlq_reason=reason)


async def letters(*found):
    paper = Paper(topics={"order-placed": [GOOD, BAD], "gap-detector.dead-letter": found})
    return await oracle.dead_letters(paper, "reason")


async def test_each_bad_record_is_a_dead_letter_and_repetitions_are_told():
    assert await letters(letter(), letter()) == (1, 1)


@pytest.mark.parametrize(
    "found",
    [[], [letter(reason="not-json")], [letter(), letter(0)], [letter(), letter(value=b"[1]")]],
    ids=["missing", "another reason", "a good record", "another content"],
)
async def test_dead_letters_that_are_not_those_of_the_bad_records_are_found(found):
    with pytest.raises(AssertionError, match="dead letter"):
        await letters(*found)


# ── notifications ──────────────────────────────────────────────────────────────────────────────────────
OPENED = record(json.dumps({"customer_id": "C-1"}).encode(), ce_id="E-1", ce_type="back-order.opened")


def outcome(name="N-1", event="E-1", ce_id="X-1", result="sent", channel="email"):
    told = {"notification_id": name, "event_id": event, "recipient": "C-1", "channel": channel, "result": result}
    return record(json.dumps(told | {"message_id": f"<{name}>"}).encode(), ce_id=ce_id)


async def told(*outcomes, with_mail=("C-1",), waiting=(), ended=("N-1",)):
    paper = Paper(
        {
            "finished_at IS NULL": list(waiting),
            "SELECT notification_id": [Row(notification_id=name) for name in ended],
        },
        {"notification-outcome": outcomes, "back-order-state": [OPENED]},
    )
    return await oracle.notifications(paper, set(with_mail))


async def test_each_customer_hears_once_and_repetitions_and_mails_are_told():
    assert await told(outcome(), outcome()) == (1, 1, {"<N-1>"})
    assert await told(outcome(channel="none", result="skipped"), with_mail=()) == (1, 0, set())


@pytest.mark.parametrize(
    ("outcomes", "given", "said"),
    [
        ([outcome(), outcome(ce_id="X-2")], {}, "two outcomes"),
        ([outcome(), outcome("N-2", ce_id="X-2")], {}, "told of one event twice"),
        ([], {"ended": []}, "E-1"),
        ([outcome(event="E-9")], {}, "E-1"),
        ([outcome(channel="none")], {}, "E-1"),
        ([outcome()], {"waiting": [(1,)]}, "a notification waits"),
        ([outcome()], {"ended": ["N-1", "N-2"]}, "an outcome was not published"),
    ],
)
async def test_notifications_that_are_not_one_outcome_for_each_customer_are_found(outcomes, given, said):
    with pytest.raises(AssertionError, match=said):
        await told(*outcomes, **given)
