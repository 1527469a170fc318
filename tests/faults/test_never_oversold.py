"""A unit that is given away has to have come in before; the log and the stock that was published say when that was."""

import pytest
from faults_support.oracle import never_oversold
from faults_support.paper_log import found, refused, state, stock, topics

FIVE_CAME = stock(1, "received", 5, at=10)
FIVE = state(1, units=5, at=20)
BACK = state(2, units=0, at=21)
OTHER = state(1, 3, back_order="BO-2", line=("SO-2", "1"), units=5, at=22)


@pytest.mark.parametrize(
    "records",
    [
        [FIVE],
        [FIVE, BACK, OTHER],
        [FIVE, BACK, OTHER, FIVE, BACK, OTHER],
        [FIVE, stock(1, "received", 9, key="L@W2", at=10), state(1, back_order="B", units=9, key="L@W2", at=11)],
    ],
    ids=["to one", "one after the other", "repeated", "another lane"],
)
def test_what_came_in_may_be_given_and_go_from_one_to_the_other(records):
    assert not found(never_oversold(topics(FIVE_CAME, *records)))


def test_one_unit_too_many_is_found_although_it_is_given_back():
    assert found(never_oversold(topics(stock(1, "received", 9, at=10), FIVE, OTHER, BACK))) == {"wrong": 1}


@pytest.mark.parametrize(("at", "faults"), [(19.999, {}), (20, {}), (20.001, {"wrong": 1})])
def test_a_unit_may_be_given_when_it_has_come_and_not_before(at, faults):
    assert found(never_oversold(topics(stock(1, "received", 5, at=at), FIVE))) == faults


def test_what_was_given_before_it_came_is_found_although_more_came_later_than_was_ever_given():
    late = stock(2, "received", 50, at=21)
    assert found(never_oversold(topics(stock(1, "received", 4, at=10), late, FIVE))) == {"wrong": 1}


def test_a_version_says_what_came_before_it_even_if_that_is_published_later():
    overtaken, newer = stock(1, "received", 5, at=30, partition=1), stock(2, at=10)
    assert not found(never_oversold(topics(newer, overtaken, FIVE)))


@pytest.mark.parametrize("again", [FIVE_CAME, stock(1, "received", 5, at=11, partition=1)], ids=["late", "elsewhere"])
def test_a_receipt_that_is_published_again_has_come_once(again):
    assert found(never_oversold(topics(FIVE_CAME, again, FIVE, OTHER))) == {"wrong": 1}


def test_a_receipt_that_must_be_refused_has_not_come():
    bad = refused("stock-changed", b"[]", "not-an-object", at=10)
    assert found(never_oversold(topics(bad, FIVE))) == {"wrong": 1}


@pytest.mark.parametrize(("line", "faults"), [(("SO-9", "1"), {"wrong": 1}), (("SO-1", "1"), {})])
def test_what_left_for_a_line_that_was_never_short_is_nobody_elses(line, faults):
    left = stock(2, "shipped", 2, shipped=[line], at=11)
    records = stock(1, "received", 6, at=10), left, stock(3, "received", 1, at=12), state(1, units=7, at=20)
    assert found(never_oversold(topics(*records))) == faults
