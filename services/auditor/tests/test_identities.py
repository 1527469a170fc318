"""Every way in which the numbers of a lane may be wrong is found, and called by its name."""

import pytest
from msgspec.structs import replace

from auditor.domain.books import BackOrder, Ledger, LedgerLine, Pair
from auditor.domain.identities import NAMED, SHOWN, Identity, LaneAudit

# 10 on hand: 3 cover other lines, 7 are with the queue, which set 5 aside for BO-1 and released 2 of BO-2.
LEDGER = Ledger(on_hand=10, covered=3, handed=7, needed=4, lines_covered=3, lines_counted=11, lowest=0)
FIRST = Pair(
    "O-1",
    "1",
    LedgerLine(need=5, counted=5),
    BackOrder("BO-1", noted_waiting=0, back_ordered=6, allocated=5, shipped=1, counted=5),
)
SECOND = Pair(
    "O-2",
    "1",
    LedgerLine(need=6, counted=6),
    BackOrder("BO-2", noted_waiting=4, back_ordered=8, released=2, cancelled=2, counted=6),
)


def judge(ledger=LEDGER, idle=0, pairs=(FIRST, SECOND)):
    audit = LaneAudit()
    for pair in pairs:
        audit.add(pair)
    return audit.findings(ledger, idle)


def found(**changes):
    return {finding.identity for finding in judge(**changes)}


def ledger(**changes):
    return {"ledger": replace(LEDGER, **changes)}


def line(**changes):
    return {"pairs": (replace(FIRST, line=replace(FIRST.line, **changes)), SECOND)}


def second(**changes):
    return {"pairs": (FIRST, replace(SECOND, back_order=replace(SECOND.back_order, **changes)))}


def first(**changes):
    return {"pairs": (replace(FIRST, back_order=replace(FIRST.back_order, **changes)), SECOND)}


def test_a_lane_whose_numbers_agree_is_in_order():
    assert judge() == ()
    assert judge(Ledger(), 0, ()) == ()


@pytest.mark.parametrize(
    ("tampered", "named"),
    [
        (ledger(handed=8, needed=3), {Identity.UNITS}),
        (ledger(handed=6, needed=5), {Identity.UNITS, Identity.FREE_WHILE_NEEDED, Identity.IDLE_WHILE_WAITING}),
        (ledger(needed=5), {Identity.COUNT_IN_QUEUE, Identity.COUNT_IN_LEDGER}),
        (ledger(lines_counted=12), {Identity.COUNT_IN_LEDGER}),
        (ledger(covered=2, on_hand=9), {Identity.COVER}),
        (ledger(lines_covered=4), {Identity.COVER}),
        (ledger(on_hand=9), {Identity.ON_HAND}),
        (ledger(on_hand=11), {Identity.FREE_WHILE_NEEDED, Identity.IDLE_WHILE_WAITING}),
        (ledger(lowest=-1), {Identity.NOT_NEGATIVE}),
        (line(need=4), {Identity.LINE_NEED}),
        (line(counted=4), {Identity.LINE_COUNT}),
        (line(cancelling=1), {Identity.UNANSWERED}),
        (first(counted=4), {Identity.LINE_COUNT, Identity.COUNT_IN_QUEUE}),
        (second(noted_waiting=3), {Identity.PARTS}),
        (second(back_ordered=9, cancelled=3, released=3, noted_waiting=3), {Identity.UNITS, Identity.ON_HAND}),
        (second(cancelled=3, noted_waiting=3), {Identity.LINE_NEED, Identity.LINE_COUNT}),
        (second(shipped=-1, cancelled=3), {Identity.NOT_NEGATIVE}),
        (second(closed=True), {Identity.ENDED}),
        (second(held=True), {Identity.LINE_COUNT}),
    ],
)
def test_a_number_that_was_tampered_with_is_found_and_named(tampered, named):
    assert found(**tampered) == named


def test_more_units_set_aside_than_the_line_needs_are_found():
    assert Identity.NOT_NEGATIVE in found(**first(allocated=6, noted_waiting=-1))


def test_units_that_the_queue_keeps_are_found_even_when_nobody_waits():
    idle = Ledger(on_hand=2, handed=2, needed=-2)
    assert found(ledger=idle, idle=2, pairs=()) == {Identity.IDLE_KEPT}
    waiting = replace(SECOND, line=LedgerLine(2, 2), back_order=BackOrder("BO-2", 2, back_ordered=2, counted=2))
    both = Ledger(on_hand=2, handed=2, lines_counted=2)
    assert found(ledger=both, idle=2, pairs=(waiting,)) == {Identity.IDLE_KEPT, Identity.IDLE_WHILE_WAITING}


@pytest.mark.parametrize("change", [{"held": True, "counted": 0}, {"ranked": False}])
def test_who_may_not_be_given_a_unit_waits_beside_free_ones(change):
    waits = BackOrder("BO-3", 4, back_ordered=4, counted=4)
    order = replace(waits, **change)
    pair = Pair("O-3", "1", LedgerLine(4, order.counted), order)
    free = Ledger(on_hand=5, needed=order.counted, lines_counted=order.counted)
    assert Identity.IDLE_WHILE_WAITING not in found(ledger=free, pairs=(pair,))
    assert Identity.IDLE_WHILE_WAITING in found(
        ledger=replace(free, needed=4), pairs=(replace(pair, back_order=waits),)
    )


def test_a_line_that_only_one_side_knows_is_found():
    assert {Identity.LINE_NEED, Identity.LINE_COUNT, Identity.UNITS} <= found(
        pairs=(replace(FIRST, back_order=None), SECOND)
    )
    assert {Identity.LINE_NEED, Identity.LINE_COUNT} <= found(pairs=(replace(FIRST, line=None), SECOND))


def test_units_that_are_owed_are_a_debt_and_no_drift():
    """Of 5 released units 3 vanished before they were shipped."""
    released = BackOrder("BO-1", back_ordered=5, released=5, counted=5)
    pairs = (Pair("O-1", "1", LedgerLine(5, 5), released),)
    owing = Ledger(on_hand=2, handed=2, needed=3, lines_counted=5)
    assert judge(owing, -3, pairs) == ()
    assert found(ledger=replace(owing, on_hand=1), idle=-3, pairs=pairs) == {Identity.ON_HAND}


def test_a_finding_says_the_numbers_and_who_has_to_do_with_it():
    [units, on_hand] = judge(**second(back_ordered=9, cancelled=3, released=3, noted_waiting=3))
    assert (units.identity.value, units.expected, units.found) == ("P = U + A", "P = 8 (U 0, A 8)", "P = 7")
    assert units.involved == ("BO-1", "BO-2")
    assert (on_hand.expected, on_hand.found) == ("at most H = 10", "11 (C 3, A 8)")
    [need] = judge(**line(need=4))
    assert (need.expected, need.found, need.involved) == ("ledger 5", "ledger 4", ("BO-1",))
    [lost, *_] = [
        each for each in judge(pairs=(replace(FIRST, back_order=None), SECOND)) if each.identity is Identity.LINE_NEED
    ]
    assert lost.involved == ("order O-1 line 1",)


def test_a_lane_in_which_everything_is_wrong_is_described_in_bounded_space():
    audit = LaneAudit()
    for number in range(1_000):
        order = BackOrder(f"BO-{number}", 1, back_ordered=1, counted=1)
        audit.add(Pair(f"O-{number}", "1", LedgerLine(1, 2), order))
    findings = audit.findings(Ledger(on_hand=1, needed=5), 0)
    assert audit.lines == 1_000
    assert sum(each.identity is Identity.LINE_COUNT for each in findings) == SHOWN
    assert audit.more == 1_000 - SHOWN
    assert all(len(each.involved) <= NAMED for each in findings)
