"""What a batch says of a line that it has placed itself, before anything is stored."""

from datetime import UTC, datetime

from ledger_desk import cancel, order, ref

from backorder_runtime.handler import Arrived
from gap_detector.domain import events as e
from gap_detector.domain.spread import addressed
from gap_detector.handlers import GapLedger

NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)


def decided(*messages):
    """The facts of one batch of a ledger that has stored nothing yet."""
    ledger = GapLedger(0, 100)
    arrived = [Arrived(*addressed(message)) for message in messages]
    loading = ledger.load(arrived)
    try:
        loading.send(None)
        while True:
            loading.send([])
    except StopIteration:
        pass
    facts = []
    for each in arrived:
        for part in ledger.spread(each, None):
            facts += (follows := ledger.decide(part, NOW))
            ledger.evolve(part, follows, NOW)
    return facts


def of_kind(kind, facts):
    return [fact for fact in facts if isinstance(fact, kind)]


def test_a_cancellation_finds_the_lines_that_came_with_it():
    (asked,) = of_kind(e.CancelSent, decided(order("A/1", 3), order("B", 1), cancel("A", "1")))
    assert (asked.ref, asked.units) == (ref("A/1"), 3)


def test_a_line_that_came_with_its_cancellation_is_cancelled_whichever_was_first():
    (entered,) = of_kind(e.LineEntered, decided(cancel("A"), order("A", 3)))
    assert entered.cancelled == 3


def test_a_line_that_comes_twice_and_in_two_lanes_stays_in_the_first():
    (conflict,) = of_kind(e.Conflict, decided(order("A", 3), order("B", 1), order("A", 3, location="W2")))
    assert conflict.detail == "line 1 of order A was placed before in lane BRK-204@W1; the first stands"


def test_a_line_that_comes_twice_is_placed_once():
    assert [fact.ref for fact in of_kind(e.LineEntered, decided(order("A", 3), order("A", 3)))] == [ref("A")]
