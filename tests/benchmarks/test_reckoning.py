"""What is lost or doubled after kills is found, wherever it is, and what is as it must be is not complained of."""

from dataclasses import replace

import pytest
from reckoning import Found, reckon, wrong
from trade import Order

ORDERS = [Order(1, (4, 5, 6)), Order(2, (5, 5, 7))]  # there is no stock of part 5
LEVELS = {4: 10, 5: 0, 6: 10, 7: 10}
LINES = [("SO-1", "0"), ("SO-1", "1"), ("SO-1", "2"), ("SO-2", "0"), ("SO-2", "1"), ("SO-2", "2")]
SHORT = [("SO-1", "1"), ("SO-2", "0"), ("SO-2", "1")]
LANES = {
    "P-4@W1": (10, 1, 0, 0, 1, 0),
    "P-5@W1": (0, 0, 0, 3, 0, 3),
    "P-6@W1": (10, 1, 0, 0, 1, 0),
    "P-7@W1": (10, 1, 0, 0, 1, 0),
}
WHOLE = Found(ledger=LINES, queue=SHORT, opened=SHORT, lanes=LANES)


def said(found, changed=0):
    return wrong({**reckon(ORDERS, LEVELS, found), "changed": changed})


def test_nothing_is_said_where_everything_is_there_once():
    assert said(WHOLE) == []
    assert wrong(None) == [], "nor of what was not reckoned"


@pytest.mark.parametrize(
    ("place", "name"),
    [("ledger", "lines of the ledger"), ("queue", "back orders of the queue"), ("opened", "back orders that opened")],
)
def test_what_is_lost_doubled_or_nobodys_is_counted_in_each_place(place, name):
    there = getattr(WHOLE, place)
    assert said(replace(WHOLE, **{place: there[1:]})) == [f"lost {name}: 1"]
    assert said(replace(WHOLE, **{place: [*there, there[0]]})) == [f"doubled {name}: 1"]
    assert said(replace(WHOLE, **{place: [*there, ("SO-9", "0")]})) == [f"doubled {name}: 1"]


def test_one_that_is_doubled_does_not_stand_for_one_that_is_lost():
    assert said(replace(WHOLE, opened=[SHORT[0], SHORT[0], SHORT[2]])) == [
        "lost back orders that opened: 1",
        "doubled back orders that opened: 1",
    ]


def test_a_back_order_of_a_line_that_has_cover_is_one_too_many():
    assert said(replace(WHOLE, opened=[*SHORT, LINES[0]])) == ["doubled back orders that opened: 1"]


@pytest.mark.parametrize("at", range(6))
def test_a_lane_with_another_number_is_counted(at):
    numbers = list(LANES["P-4@W1"])
    numbers[at] += 1
    assert said(replace(WHOLE, lanes=LANES | {"P-4@W1": tuple(numbers)})) == ["lanes with other numbers: 1"]


def test_a_lane_that_is_not_there_or_nobody_knows_is_counted():
    without = {name: numbers for name, numbers in LANES.items() if name != "P-7@W1"}
    assert said(replace(WHOLE, lanes=without)) == ["lanes with other numbers: 1"]
    assert said(replace(WHOLE, lanes=LANES | {"P-9@W1": (0,) * 6})) == ["lanes with other numbers: 1"]


def test_an_event_that_came_again_with_another_content_is_told():
    assert said(WHOLE, changed=2) == ["events that came again with another content: 2"]
