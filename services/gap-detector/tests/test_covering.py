"""What a new order line gets, and what then happens to units that come."""

import pytest
from ledger_desk import Story, given, need, order, ref, stock

from gap_detector.domain import events as e


def test_a_line_is_covered_by_free_units():
    given(stock(5)).when(order("A", 3)).then("A is covered with 3").with_lane(free=2, covered=3, needed=0)


def test_a_line_that_takes_the_last_unit_opens_nothing():
    given(stock(3)).when(order("A", 3)).then("A is covered with 3").with_lane(free=0).with_line("A", opened=False)


def test_what_a_line_lacks_becomes_a_back_order():
    story = given(stock(2)).when(order("A", 5))
    story.then("A is covered with 2", "A opens a back order of 3")
    story.with_lane(free=0, covered=2, needed=3).with_line("A", covered=2, need=3, counted=3, opened=True)


def test_a_line_in_a_lane_without_stock_opens_a_back_order_of_all():
    given().when(order("A", 5)).then("A opens a back order of 5").with_lane(covered=0, needed=5, free=0)


def test_a_back_order_names_the_order_as_its_cause():
    placed = order("A", 5)
    (opened,) = given().when(placed).all(e.Shorted)
    assert opened.cause == placed.cause


def test_lines_are_numbered_in_the_order_in_which_they_came():
    given(stock(9)).when(order("A", 1), order("B", 1)).with_line("A", number=1).with_line("B", number=2)


def test_units_that_come_go_to_the_queue_as_long_as_somebody_waits():
    given(order("A", 5)).when(stock(3)).then("the queue gets 3").with_lane(free=0, handed=3, needed=2)


def test_units_that_nobody_waits_for_stay_free():
    given(order("A", 5)).when(stock(8)).then("the queue gets 5").with_lane(free=3, handed=5, needed=0)


def test_units_for_the_queue_name_the_level_as_their_cause():
    story = given(order("A", 5))
    came = stock(3)
    (handed,) = story.when(came).all(e.Handed)
    assert handed.cause == came.cause


def test_while_somebody_waits_a_new_line_gets_no_cover():
    given(order("A", 5), stock(3)).when(order("B", 1)).then("B opens a back order of 1").with_lane(needed=3)


def test_while_the_queue_needs_units_none_are_covered_even_if_some_were_free():
    # the queue resumes a held line: before it got its units a new line comes
    story = given(order("A", 2), need({"A": -2}), stock(4)).with_lane(free=4, needed=0)
    story.when(need({"A": 2})).then("the queue gets 2")
    story.when(order("B", 3)).then("B is covered with 2", "B opens a back order of 1")


def test_a_queue_that_needs_less_than_it_has_keeps_nobody_from_being_covered():
    story = given(order("A", 2), stock(3), need({"A": -2})).with_lane(free=1, handed=2, needed=-2)
    story.when(order("B", 1)).then("B is covered with 1")


def test_a_lane_keeps_the_units_of_another_location_apart():
    story = given(stock(5, location="W2")).when(order("A", 3))
    story.then("A opens a back order of 3").with_lane("W2", free=5)


def test_the_lines_of_one_order_are_decided_one_by_one():
    given(stock(3)).when(order("A/1", 2), order("A/2", 2)).then(
        "A is covered with 2", "A/2 is covered with 1", "A/2 opens a back order of 1"
    )


def test_one_thousand_lines_of_one_order_never_take_more_than_there_is():  # P5
    story = Story(watched=False).when(stock(250)).when(*(order(f"A/{i}", 1) for i in range(1000)))
    assert sum(entered.covered for entered in story.all(e.LineEntered)) == 250
    assert len(story.all(e.Shorted)) == 750
    story.with_lane(free=0, covered=250, needed=750)


def test_of_two_who_want_the_last_unit_one_gets_it():  # P2
    given(stock(1)).when(order("A", 1), order("B", 1)).then("A is covered with 1", "B opens a back order of 1")


@pytest.mark.parametrize(
    ("on_hand", "quantity"),
    [(10**12, 10**9), (10**9, 10**9), (0, 10**9), (10**9 - 1, 10**9)],
)
def test_numbers_may_be_as_large_as_the_contract_allows(on_hand, quantity):
    story = given(stock(on_hand), order("A", quantity))
    covered = min(on_hand, quantity)
    story.with_lane(covered=covered, needed=quantity - covered, free=on_hand - covered)
    story.when(stock(10**12)).with_lane(handed=quantity - covered, needed=0)
    story.when(stock(0)).with_lane(covered=0, handed=0, needed=quantity, free=0)


def test_a_lane_that_was_never_counted_has_nothing():
    story = given().when(need())
    story.then_nothing().with_lane(on_hand=0, free=0, version=-1)


def test_level_zero_is_a_level():
    given(stock(0)).when(order("A", 1)).then("A opens a back order of 1").with_lane(on_hand=0)


def test_a_line_with_another_line_of_its_order_in_the_lane_is_a_line_of_its_own():
    story = given(stock(2), order("A/1", 2)).when(order("A/2", 1)).then("A/2 opens a back order of 1")
    assert story.lane().lines.keys() == {ref("A/1"), ref("A/2")}
