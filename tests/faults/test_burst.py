"""A burst: so many lines as are asked for, most of them covered; the rest waits for the next one."""

import json
import random
from collections import Counter

import pytest
from e2e_support.business import Business
from faults_support.burst import Bursts

LINES = 2_000


@pytest.fixture
def business():
    return Business(random.Random(1), [("K-00", "W1")])


@pytest.fixture
def bursts(business):
    made = Bursts(business, LINES)
    made.stock()
    return made


def ordered(business):
    """The units that are wanted in each lane."""
    wanted = Counter()
    for line in business.lines.values():
        wanted[line.lane] += line.quantity
    return wanted


@pytest.mark.parametrize("lines", [1, 7, LINES])
def test_it_orders_so_many_lines_and_each_is_known_to_the_business(business, bursts, lines):
    orders = [json.loads(wire.value) for wire in bursts.next(lines) if wire.topic == "order-placed"]
    names = {(order["order_id"], line["line_id"]) for order in orders for line in order["lines"]}
    assert names == business.lines.keys()
    assert len(names) == lines


def test_a_tenth_of_it_is_short_when_what_comes_in_with_it_is_late_and_has_enough_with_the_next_one(business, bursts):
    for _ in range(20):
        before, there = ordered(business), business.warehouse.on_hand.copy()
        bursts.next(LINES)
        wanted = ordered(business)
        lacking = (wanted - before) - (there - before)
        assert 0.05 < lacking.total() / (wanted - before).total() < 0.15
        assert not before - business.warehouse.on_hand, "what was short before is not any more"


def test_it_wants_no_mail_and_none_of_the_stock_of_others(business, bursts):
    wires = [json.loads(wire.value) for wire in bursts.next(LINES)]
    orders, levels = ([each for each in wires if name in each] for name in ("lines", "on_hand"))
    assert {order["customer"]["customer_id"] for order in orders} == {"C-BURST".ljust(64, "-")}
    assert {(level["part_id"], level["location_id"]) for level in levels} <= set(bursts.lanes)
    assert not business.warehouse.version["K-00", "W1"]


def test_the_same_seed_gives_the_same_burst():
    one, other = (Bursts(Business(random.Random(7), []), LINES) for _ in range(2))
    assert [each.value for each in one.next(LINES)] == [each.value for each in other.next(LINES)]


def test_without_bursts_there_are_neither_lanes_nor_stock(business):
    none = Bursts(business, 0)
    assert (none.lanes, none.some_lanes(3), none.stock()) == ([], [], [])
