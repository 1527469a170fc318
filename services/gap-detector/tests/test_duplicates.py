"""What comes twice changes nothing; what comes again otherwise is refused, and the first stands."""

from datetime import timedelta

import pytest
from ledger_desk import PLACED_AT, cancel, given, order, stock
from msgspec.structs import replace

from backorder_contracts.internal import LineCancel
from gap_detector.domain import events as e


def test_a_duplicate_line_changes_nothing():
    placed = order("A", 3)
    given(stock(2), placed).when(placed, placed).then_nothing()


def test_a_line_that_was_published_again_in_another_record_changes_nothing():
    given(stock(2), order("A", 3)).when(order("A", 3)).then_nothing()


def test_a_duplicate_that_comes_late_changes_nothing():
    placed = order("A", 3)
    story = given(stock(3), placed, stock(0, shipped={"A": 3}))
    story.when(placed).then_nothing()


def test_a_duplicate_of_a_cancelled_line_does_not_bring_it_back():
    placed = order("A", 3)
    given(stock(3), placed, cancel("A")).when(placed).then_nothing()


def test_a_duplicate_cancellation_changes_nothing():
    cancelled = cancel("A", L1=2)
    given(stock(5), order("A", 5), cancelled).when(cancelled).then_nothing()


def test_a_cancellation_that_names_its_lines_in_another_order_is_the_same():
    cancelled = cancel("A", L1=2, L2=1)
    again = replace(cancelled, lines=cancelled.lines[::-1], reason="for people", origin=order("X", 1).origin)
    given(stock(5), order("A", 5), order("A/2", 5), cancelled).when(again).then_nothing()


@pytest.mark.parametrize(
    "other",
    [
        {"lines": (LineCancel("1", 3),)},
        {"lines": (LineCancel("2", 2),)},
        {"lines": None},
        {"cancelled_at": PLACED_AT + timedelta(seconds=1)},
    ],
)
def test_another_cancellation_under_a_known_id_is_refused_and_the_first_stands(other):
    cancelled = cancel("A", L1=2)
    again = replace(cancelled, origin=order("X", 1).origin, **other)
    story = given(stock(5), order("A", 5), cancelled).when(again)
    story.then("order A was cancelled before otherwise, under the same ce_id; the first stands")
    story.with_line("A", covered=3, cancelled=2)
    (conflict,) = story.all(e.Conflict)
    assert conflict.origin == again.origin
    story.when(order("A/2", 2)).with_line("A/2", cancelled=0)


@pytest.mark.parametrize(
    ("other", "fields"),
    [
        ({"quantity": 4}, "quantity"),
        ({"tier": "gold"}, "tier"),
        ({"need_by": PLACED_AT}, "need_by"),
        ({"quantity": 2, "ship_policy": "complete"}, "quantity, ship_policy"),
    ],
)
def test_a_known_line_with_other_content_is_refused_and_the_first_stands(other, fields):
    placed = order("A", 3)
    again = replace(placed, line=replace(placed.line, **other))
    given(stock(9), placed).when(again).then(
        f"line 1 of order A was placed before with another {fields}; the first stands"
    ).with_line("A", covered=3, detail=placed.line)


def test_a_conflict_names_the_record_it_came_in():
    given_first, again = order("A", 3), order("A", 4)
    (conflict,) = given(given_first).when(again).all(e.Conflict)
    assert conflict.origin == again.origin


def test_a_line_that_was_placed_in_another_lane_is_refused():
    story = given(order("A", 3)).when(order("A", 3, location="W2"))
    story.then("line 1 of order A was placed before in lane BRK-204@W1; the first stands")
    story.with_lane("W2", needed=0)


def test_a_conflicting_line_is_refused_in_another_lane_whose_shipment_it_claims():
    story = given(order("A", 3), stock(4, location="W2", shipped={"A": 1}))
    story.when(order("A", 3, location="W2"))
    story.then("line 1 of order A was placed before in lane BRK-204@W1; the first stands")


def test_a_rerouted_line_may_stand_in_a_second_lane():
    story = given(order("A", 3)).when(order("A", 2, location="W2", rerouted_from="BO-1", been=("BRK-204@W1",)))
    story.then("A opens a back order of 2").with_lane("W2", needed=2).with_line("A", need=3)


def test_a_duplicate_of_a_rerouted_line_changes_nothing():
    moved = order("A", 2, location="W2", rerouted_from="BO-1", been=("BRK-204@W1",))
    given(order("A", 3), moved).when(moved).then_nothing()


def test_a_duplicate_level_changes_nothing():
    level = stock(5)
    story = given(order("A", 3), level)
    story.when(level).then().with_lane(on_hand=5, handed=3, needed=0, free=2)


def test_a_conflict_changes_no_number():
    story = given(stock(2), order("A", 3))
    before = (story.lane().free, story.lane().covered, story.lane().needed, story.lane().number)
    story.when(order("A", 7))
    assert (story.lane().free, story.lane().covered, story.lane().needed, story.lane().number) == before
