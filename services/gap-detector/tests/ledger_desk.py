"""Tells stories about the ledger: given what happened, when this happens, then that follows.

A fact is told as a short sentence. Facts that only repeat what the event said (a line entered, a level was
set) are told by nobody; `then_nothing` sees them all the same.
"""

from copy import copy
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count

from msgspec.structs import astuple

from backorder_contracts import identity
from backorder_contracts.internal import (
    CancelAnswer,
    Cause,
    LineCancel,
    LineDetail,
    LinePlaced,
    LineRecalled,
    LineRef,
    Lot,
    NeedChange,
    OrderCancelled,
    Origin,
    QueueNeed,
    ShippedLine,
)
from gap_detector.domain import events as e
from gap_detector.domain.decide import decide
from gap_detector.domain.evolve import evolve
from gap_detector.domain.model import Lane, Ledger, Place
from gap_detector.domain.spread import addressed, spread

PART, HERE = "BRK-204", "W1"
PLACED_AT = datetime(2026, 11, 24, 7, tzinfo=UTC)
_versions = count(1_000)
_ids = count(1)


def ref(name):
    """`A` is line 1 of order A, `A/2` its line 2."""
    order_id, _, line_id = name.partition("/")
    return LineRef(order_id, line_id or "1")


def order(name, quantity, *, location=HERE, **detail):
    """A line of an order is placed."""
    fields = {"placed_at": PLACED_AT, "customer_id": "C-1"} | detail
    line = LineDetail(*astuple(ref(name)), PART, location, quantity, **fields)
    return LinePlaced(line, Cause("order.placed", name), Origin("order-placed", 0, next(_ids)))


def cancel(order_id, *lines, **quantities):
    """The whole order is cancelled; or whole lines of it, or (`L1=3`) so many units of a line."""
    named = [*((line, None) for line in lines), *((line.removeprefix("L"), n) for line, n in quantities.items())]
    return OrderCancelled(
        cancellation_id=f"X-{next(_ids)}",
        order_id=order_id,
        cancelled_at=PLACED_AT,
        cause=Cause("order.cancelled", order_id),
        origin=Origin("order-cancelled", 0, next(_ids)),
        lines=tuple(LineCancel(*line) for line in named) or None,
    )


def stock(on_hand, *, version=None, shipped=None, delivery=None, received=None, location=HERE):
    """A level, newer than all before unless a version is named; `shipped` maps lines to units that left."""
    version = next(_versions) if version is None else version
    left = tuple(ShippedLine(*astuple(ref(name)), units) for name, units in (shipped or {}).items())
    cause = Cause("stock.changed", f"v{version}", delivery)
    return e.StockMoved(PART, location, on_hand, version, cause, left, received)


def need(changes=None, *, returned=0, lots=None, answers=(), location=HERE):
    """The queue reports; answers are (line, asked, done), or (line, asked, done, away)."""
    return QueueNeed(
        PART,
        location,
        Cause("order.cancelled", "queue"),
        changes=tuple(NeedChange(ref(name), units) for name, units in (changes or {}).items()),
        returned=returned,
        lots=tuple(Lot(*lot) for lot in (lots or {}).items()),
        answers=tuple(
            CancelAnswer(ref(name), asked, done, Cause("order.cancelled", name), *away)
            for name, asked, done, *away in answers
        ),
    )


def given(*messages):
    """A story in which all this happened."""
    return Story().when(*messages)


class Story:
    """The ledger of one shard, and what followed from the last messages."""

    def __init__(self, *, watched=True):
        self.ledger = Ledger()
        self.facts = []
        self._watched = watched  # sees that deciding changes nothing; dear in a lane of many lines

    def lane(self, location=HERE):
        name = identity.lane(PART, location)
        if name not in self.ledger.lanes:
            self.ledger.lanes[name] = Lane(PART, location)
        return self.ledger.lanes[name]

    def line(self, name, location=HERE):
        return self.lane(location).lines[ref(name)]

    def when(self, *messages):
        """All this happens, in this order."""
        self.facts = []
        for message in messages:
            self._play(message)
        return self

    def then(self, *sentences):
        """These sentences, and no others, tell what followed."""
        assert [told for fact in self.facts if (told := tell(fact))] == list(sentences)
        return self

    def then_nothing(self):
        """Not even a number changed."""
        assert self.facts == []
        return self

    def with_lane(self, location=HERE, **numbers):
        """The lane's numbers."""
        lane = self.lane(location)
        assert {name: getattr(lane, name) for name in numbers} == numbers
        return self

    def with_line(self, name, location=HERE, **numbers):
        """A line's numbers."""
        line = self.line(name, location)
        assert {name: getattr(line, name) for name in numbers} == numbers
        return self

    def with_lots(self, **units):
        """Which deliveries the free units came with, oldest first."""
        assert [(lot.delivery_id, lot.units) for lot in self.lane().lots] == list(units.items())
        return self

    def all(self, kind):
        return [fact for fact in self.facts if isinstance(fact, kind)]

    def _play(self, message):
        match message:
            case LinePlaced() | LineRecalled() | OrderCancelled():
                for name, event in spread(self.ledger, *addressed(message)):
                    self._happen(self._named(name, message), event)
            case _:
                self._happen(self.lane(message.location_id), message)

    def _named(self, name, message):
        if isinstance(message, LinePlaced):
            return self.lane(message.line.location_id)
        if isinstance(message, LineRecalled):
            return self.lane(message.location_id)
        return self.ledger.lanes.get(name) or Lane("", "")

    def _happen(self, lane, event):
        facts = watched_decide(lane, event) if self._watched else decide(lane, event)
        for fact in facts:
            evolve(lane, fact)
            self._note(lane, fact)
        self.facts += facts

    def _note(self, lane, fact):
        """What the shell keeps about orders."""
        match fact:
            case e.LineEntered(line) if line.rerouted_from is None:
                self.ledger.order(line.order_id).places[line.line_id] = Place(lane.name, ours=True)
            case e.CancellationKept(kept):
                self.ledger.order(kept.order_id).cancellations[kept.cancellation_id] = kept


def watched_decide(lane, event):
    """What `decide` says, having seen that it changes nothing and says the same again."""
    before = replace(lane, lines={line_ref: copy(line) for line_ref, line in lane.lines.items()})
    facts = decide(lane, event)
    assert lane == before, "decide changed the lane"
    assert list(decide(lane, event)) == list(facts), "decide answers in two ways"
    return facts


def _name(line_ref):
    return line_ref.order_id if line_ref.line_id == "1" else f"{line_ref.order_id}/{line_ref.line_id}"


def tell(fact):
    """A fact as a sentence; None for one that only repeats the event."""
    sentence = _SENTENCES.get(type(fact))
    return sentence(fact) if sentence else None


_SENTENCES = {
    e.LineEntered: lambda f: f"{_name(f.ref)} is covered with {f.covered}" if f.covered else None,
    e.Uncovered: lambda f: f"{_name(f.ref)} {'gives up' if f.cancelled else 'loses'} {f.units} of its cover",
    e.CoverShipped: lambda f: f"{f.units} of the cover of {_name(f.ref)} left",
    e.Shorted: lambda f: (
        f"{_name(f.ref)} opens a back order of {f.units}"
        if f.first
        else f"the back order of {_name(f.ref)} grows by {f.units}"
    ),
    e.Handed: lambda f: f"the queue gets {f.units}" if f.units > 0 else f"the queue loses {-f.units}",
    e.BackOrderLeft: lambda f: f"{f.units} of the back order of {_name(f.ref)} left, {f.counted} of them the queue's",
    e.CancelSent: lambda f: f"the queue is asked to cancel {f.units} of {_name(f.ref)}",
    e.CancelLeft: lambda f: f"{f.units} of {_name(f.ref)} cannot be cancelled",
    e.Conflict: lambda f: f.detail,
}
