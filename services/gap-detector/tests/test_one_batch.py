"""What a batch makes of a line that it has placed itself, and which rows that becomes."""

from datetime import UTC, datetime

import msgspec
import pytest
from ledger_desk import HERE, PART, cancel, order, ref, stock
from msgspec.structs import replace

from backorder_contracts import identity
from backorder_runtime.asking import Copy, Read, statements
from backorder_runtime.handler import Arrived
from gap_detector.domain import events as e
from gap_detector.domain.spread import addressed
from gap_detector.handlers import GapLedger
from gap_detector.repository import digest

SQL = statements("gap_detector")
NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)


def arrived(message):
    if isinstance(message, e.StockMoved):
        return Arrived(identity.lane(message.part_id, message.location_id), message)
    return Arrived(*addressed(message))


def asked(asking, stored):
    """The steps of an asking that finds these rows, by statement, and nothing else."""
    steps, answer = [], None
    try:
        while True:
            steps.append(step := asking.send(answer))
            answer = _rows(step, stored) if isinstance(step, Read) else []
    except StopIteration:
        return steps


def _rows(step, stored):
    """What is stored of an order that the statement asks for by its first column."""
    named = next((name for name in stored if SQL[name] == step.statement), None)
    return stored[named] if named and "A" in step.columns[0] else []


class OneBatch:
    """One batch of a ledger: the facts, and the new lines as they are stored. Of order A there may be rows before."""

    def __init__(self, *messages, **stored):
        ledger, self.facts, self.effects = GapLedger(0, 100), [], []
        inputs = [arrived(message) for message in messages]
        asked(ledger.load(inputs), stored)
        for each in inputs:
            for part in ledger.spread(each, None):
                self.facts += (follows := ledger.decide(part, NOW))
                self.effects += ledger.evolve(part, follows, NOW)
        copies = [step for step in asked(ledger.save(), stored) if isinstance(step, Copy) and step.table == "line"]
        self.rows = [row[:3] for copy in copies for row in copy.rows]

    def all(self, kind):
        return [fact for fact in self.facts if isinstance(fact, kind)]


def test_a_cancellation_finds_the_lines_that_came_with_it():
    (sent,) = OneBatch(order("A/1", 3), order("B", 1), cancel("A", "1")).all(e.CancelSent)
    assert (sent.ref, sent.units) == (ref("A/1"), 3)


def test_a_line_that_came_with_its_cancellation_is_cancelled_whichever_was_first():
    (entered,) = OneBatch(cancel("A"), order("A", 3)).all(e.LineEntered)
    assert entered.cancelled == 3


@pytest.mark.parametrize("way", [1, -1])
def test_a_line_that_was_cancelled_before_it_came_is_so_also_beside_its_shipment(way):
    kept = msgspec.msgpack.encode(cancel("A", L1=1))
    inputs = [order("A", 4), stock(0, shipped={"A": 1})]
    batch = OneBatch(*inputs[::way], known=[(0, "A", None)], cancellations=[(0, kept)])
    (entered,) = batch.all(e.LineEntered)
    assert entered.cancelled == 1


@pytest.mark.parametrize("way", [1, -1])
def test_a_line_that_closed_long_ago_is_known_again_also_beside_its_shipment(way):
    placed = order("A", 4)
    inputs, past = [placed, stock(9, shipped={"A": 4})], (0, "A", "1", digest(placed.line))
    batch = OneBatch(*inputs[::way], known=[(0, "A", "1")], past_lines=[past])
    assert batch.all(e.LineEntered) == []


def test_a_line_that_comes_twice_and_in_two_lanes_stays_in_the_first():
    (conflict,) = OneBatch(order("A", 3), order("B", 1), order("A", 3, location="W2")).all(e.Conflict)
    assert conflict.detail == "line 1 of order A was placed before in lane BRK-204@W1; the first stands"


def test_another_cancellation_under_a_known_id_becomes_a_dead_letter():
    kept = cancel("A", L1=1)
    again, stored = replace(kept, lines=None), [(0, msgspec.msgpack.encode(kept))]
    assert OneBatch(kept, cancellations=stored).effects == []
    batch = OneBatch(again, cancellations=stored)
    assert [(letter.reason, letter.origin) for letter in batch.effects] == [("conflicting-duplicate", again.origin)]


def test_a_line_that_comes_twice_has_one_row():
    assert OneBatch(order("A", 3), order("A", 3)).rows == [("A", "1", "")]


def test_new_lines_are_stored_in_the_order_in_which_they_came():
    batch = OneBatch(order("C", 1), order("A", 1, location="W2"), order("B", 1))
    assert [order_id for order_id, _, _ in batch.rows] == ["C", "A", "B"]


def test_what_is_shipped_before_it_is_known_has_a_row_of_its_own():
    batch = OneBatch(stock(5, shipped={"A": 2}), stock(4, shipped={"A": 1}))
    assert batch.rows == [("A", "1", f"?{identity.lane(PART, HERE)}")]


def test_a_line_whose_shipment_came_just_before_it_has_one_row():
    assert OneBatch(stock(5, shipped={"A": 2}), order("A", 3)).rows == [("A", "1", "")]
