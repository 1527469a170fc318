"""The oracle of the books finds each wrong number, and nothing in books that are right; on paper."""

import json
import random
from collections import Counter

import msgspec
import pytest
from e2e_support import oracle
from e2e_support.business import Business, Ordered
from e2e_support.paper_books import Paper, Row

LANE = ("K-00", "W1")
NAME = "@".join(LANE)
KEY = ("SO-1", "1")


# ── the identities of the two ledgers ──────────────────────────────────────────────────────────────────
def two_ledgers(*, queue=(), order=(), lane=(), counted=3, covered=3):
    """Five on hand: three cover a line, two are the queue's, for an order that has both and waits for one more."""
    state = {
        "back_ordered": 3,
        "allocated": 1,
        "released": 1,
        "shipped": 0,
        "cancelled": 0,
        "counted": 3,
        "held": False,
    }
    numbers = {"lane": NAME, "on_hand": 5, "covered": 3, "handed": 2, "needed": 1}
    pack = msgspec.msgpack.encode
    return Paper(
        {
            "priority_router.lane_queue": [Row(lane=NAME, state=pack({"idle": 0} | dict(queue)))],
            "priority_router.back_order": [Row(lane=NAME, state=pack(state | dict(order)))],
            "sum(counted)": [(NAME, counted)],
            "sum(covered)": [(NAME, covered)],
            "FROM gap_detector.lane": [Row(**numbers | dict(lane))],
        }
    )


async def test_ledgers_that_agree_are_right_and_told():
    there = await oracle.ledgers(two_ledgers())
    assert there == Counter(covered=3, waiting=1, allocated=1, released=1)


async def test_a_unit_may_lie_there_while_only_a_held_order_waits():
    assert (await oracle.ledgers(two_ledgers(order={"held": True}, lane={"on_hand": 6})))["free"] == 1


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"lane": {"handed": 3, "needed": 0}}, "P = U [+] A does not hold"),
        ({"order": {"allocated": 2}}, "P = U [+] A does not hold"),
        ({"lane": {"needed": 2}}, "N [+] P = counted does not hold"),
        ({"order": {"counted": 2}}, "N [+] P = counted does not hold"),
        ({"counted": 2}, "the ledger counts something else"),
        ({"covered": 2}, "C is not what the lines have"),
        ({"lane": {"on_hand": 4}}, "oversold"),
        ({"queue": {"idle": -1}, "lane": {"handed": 1, "needed": 2}}, "units are owed while others"),
        ({"lane": {"on_hand": 6}}, "somebody waits while a unit is free"),
        (
            {"queue": {"idle": 1}, "lane": {"on_hand": 6, "handed": 3, "needed": 0}},
            "somebody waits while a unit is free",
        ),
    ],
)
async def test_each_identity_that_does_not_hold_is_found(wrong, said):
    with pytest.raises(AssertionError, match=said):
        await oracle.ledgers(two_ledgers(**wrong))


# ── every line ─────────────────────────────────────────────────────────────────────────────────────────
def event(version, *, back_order="BO-1", order="SO-1", opened="2026-11-24T07:00:00Z", status="completed", **more):
    quantity = {"ordered": 3, "covered": 1, "back_ordered": 2, "waiting": 0, "allocated": 0, "released": 0}
    quantity |= {"shipped": 2, "cancelled": 0}
    refused = {"refused": {"units": more.pop("refused")}} if "refused" in more else {}
    return json.dumps(
        {"order_id": order, "line_id": "1", "opened_at": opened, "status": status, "version": version}
        | {"quantity": quantity | more, "back_order_id": back_order}
        | refused
    ).encode()


def kept(**more):
    row = {"order_id": "SO-1", "line_id": "1", "lane": NAME, "detail": msgspec.msgpack.encode({"quantity": 3})}
    row |= {"covered": 0, "need": 0, "counted": 0, "cancelling": 0}
    return Row(**row | {"cover_shipped": 1, "shipped": 3, "cancelled": 0} | more)


async def lines(rows=None, versions=None, *, asked=None, sent=3, sent_before=0):
    business = Business(random.Random(1), [LANE])
    business.lines = {KEY: Ordered(LANE, 3, asked)}
    business.warehouse.sent[KEY] = sent
    rows = [kept()] if rows is None else rows
    paper = Paper({"gap_detector.line": rows}, versions=versions or {"BO-1": [event(1)]})
    await oracle.every_line(paper, business, Counter({KEY: sent_before}))


async def test_a_line_each_of_whose_units_was_shipped_is_right():
    await lines()


async def test_a_cancelled_unit_counts_once_and_one_that_had_been_sent_may_not_be():
    cancelled = event(1, shipped=1, cancelled=1)
    await lines([kept(shipped=2, cancelled=1)], {"BO-1": [cancelled]}, asked=1, sent=2)
    await lines(asked=1, sent_before=3)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"rows": []}, "each line once: 1 missing"),
        ({"versions": {"BO-1": [event(1)], "BO-2": [event(1, back_order="BO-2")]}}, "two back orders"),
        ({"versions": {"BO-1": [event(1)], "BO-2": [event(1, order="SO-9")]}}, "back orders of no line"),
        ({"rows": [kept(lane="K-01@W1")]}, "not as placed"),
        ({"rows": [kept(detail=msgspec.msgpack.encode({"quantity": 2}))]}, "not as placed"),
        ({"rows": [kept(counted=1)]}, "SO-1"),
        ({"sent": 2}, "not shipped once"),
        ({"rows": [kept(cover_shipped=2)]}, "not shipped once"),
        ({"rows": [kept(shipped=2, cancelled=1)], "sent": 2}, "not shipped once"),
        ({"versions": {"BO-1": [event(1, status="open")]}}, "SO-1"),
        ({"versions": {"BO-1": [event(1, shipped=1)]}}, "back_ordered"),
        ({"versions": {"BO-1": [event(1, covered=2)]}}, "covered"),
        ({"versions": {"BO-1": [event(1), event(2, opened="2026-11-24T08:00:00Z")]}}, "BO-1"),
        ({"asked": "all"}, "not cancelled"),
        ({"asked": 1}, "cancelled twice"),
        (
            {
                "rows": [kept(shipped=2, cancelled=1)],
                "versions": {"BO-1": [event(1, shipped=1, cancelled=1)]},
                "sent": 2,
            },
            "nobody cancelled it",
        ),
        (
            {
                "rows": [kept(shipped=1, cancelled=2)],
                "versions": {"BO-1": [event(1, shipped=0, cancelled=2)]},
                "sent": 1,
                "asked": 1,
            },
            "cancelled twice",
        ),
    ],
)
async def test_a_line_that_is_not_what_became_of_its_order_is_found(given, said):
    with pytest.raises(AssertionError, match=said):
        await lines(**given)
