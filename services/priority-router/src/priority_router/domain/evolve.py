"""Writes facts into a queue (or a draft of one). No rules here: a fact says what to write."""

from collections.abc import Callable
from typing import Any

from priority_router.domain import facts as f
from priority_router.domain import lane_facts as lane
from priority_router.domain.lots import less, merge
from priority_router.domain.model import Book, LaneQueue, move_idle
from priority_router.domain.order import BackOrder, Promise


def evolve(queue: LaneQueue, fact: lane.Fact) -> None:
    """Write what the fact says into the queue. Call it for the facts of a decision in their order."""
    write(queue, fact)


def write(book: Book, fact: lane.Fact) -> None:
    """The same for anything that keeps a book."""
    if isinstance(fact, f.Opened):
        _opened(book, fact)
    elif isinstance(fact, f.OfBackOrder):
        line = book.take(fact.back_order_id)
        if fact.ce_type is not None:
            line.version += 1
            line.cause = fact.cause
        _LINE[type(fact)](book, line, fact)
        book.put(line)
    else:
        _LANE[type(fact)](book, fact)


def _opened(book: Book, fact: f.Opened) -> None:
    line = BackOrder(fact.back_order_id, fact.line, fact.at, version=fact.version, cause=fact.cause)
    line.covered = fact.covered
    line.back_ordered = line.counted = fact.units
    book.put(line)


def _increased(_: Book, line: BackOrder, fact: f.Increased) -> None:
    line.back_ordered += fact.units
    line.counted += fact.units
    line.covered = fact.covered
    line.whole_at = None
    line.place = None  # the promise was for less
    if fact.reopened:
        line.closed_at = line.closed_as = None


def _prioritised(_: Book, line: BackOrder, fact: f.Prioritised) -> None:
    line.band = fact.rank.band
    line.due_at = fact.rank.due_at
    line.band_name = fact.band_name
    line.pinned = fact.pinned
    line.policy_version = fact.policy_version


def _rank_kept(_: Book, line: BackOrder, fact: f.RankKept) -> None:
    line.band = fact.band
    line.policy_version = fact.policy_version


def _promised(_: Book, line: BackOrder, fact: f.Promised) -> None:
    if line.first_p50 is None:
        line.first_p50 = fact.p50
    else:
        line.revisions += 1
    line.promise = Promise(fact.p50, fact.p90, fact.delivery_ids)
    line.place = fact.place
    line.worsened += fact.overtaken


def _promise_kept(_: Book, line: BackOrder, fact: f.PromiseKept) -> None:
    line.place = fact.place


def _withdrawn(_: Book, line: BackOrder, fact: f.PromiseWithdrawn) -> None:
    line.promise = line.place = None
    line.worsened += fact.overtaken


def _allocated(book: Book, line: BackOrder, fact: f.Allocated) -> None:
    line.allocated += fact.units
    line.lots = merge(line.lots, fact.lots)
    line.supplied_cause = fact.cause
    if not line.waiting:
        line.whole_at = fact.at
    move_idle(book, -fact.units, lost=fact.lots)


def _revoked(book: Book, line: BackOrder, fact: f.Revoked) -> None:
    line.allocated -= fact.units
    line.lots = less(line.lots, fact.lots)
    line.whole_at = None
    if fact.rule == "stock-lost":
        line.place = None  # the promise was for less
    move_idle(book, fact.units, gained=fact.lots)


def _released(_: Book, line: BackOrder, fact: f.Released) -> None:
    line.allocated -= fact.units
    line.released += fact.units
    line.released_at = fact.at
    line.release_at = None


def _shipped(book: Book, line: BackOrder, fact: f.Shipped) -> None:
    line.released -= fact.released
    line.allocated -= fact.allocated
    line.shipped += fact.units
    line.counted -= fact.counted
    line.lots = less(line.lots, fact.lots)
    line.shipped_lots = merge(line.shipped_lots, fact.lots)
    move_idle(book, fact.released + fact.allocated - fact.counted)
    book.supplied += fact.released + fact.allocated - fact.counted


def _shipped_besides(book: Book, line: BackOrder, fact: f.ShippedBesides) -> None:
    line.counted -= fact.counted
    move_idle(book, -fact.counted)
    book.supplied -= fact.counted


def _completed(_: Book, line: BackOrder, fact: f.Completed) -> None:
    line.closed_at = fact.at
    line.closed_as = "completed"


def _given_up(book: Book, line: BackOrder, fact: f.Cancelled | f.Rerouted) -> None:
    line.cancelled += fact.units
    line.allocated -= fact.allocated
    line.lots = less(line.lots, fact.lots)
    move_idle(book, fact.allocated, gained=fact.lots)


def _cancelled(book: Book, line: BackOrder, fact: f.Cancelled) -> None:
    _given_up(book, line, fact)
    if fact.to_location_id is not None:
        line.rerouted_to = fact.to_location_id
        line.away = fact.units
    if fact.closes:
        line.closed_at = fact.at
        line.closed_as = "cancelled"


def _rerouted(book: Book, line: BackOrder, fact: f.Rerouted) -> None:
    _given_up(book, line, fact)
    line.rerouted_to = fact.to_location_id
    line.away = fact.units
    line.closed_at = fact.at
    line.closed_as = "rerouted"


def _sent_on(_: Book, line: BackOrder, fact: f.CancelSentOn) -> None:
    line.away -= fact.units
    line.recalled += fact.units


def _held(_: Book, line: BackOrder, __: f.Held) -> None:
    line.held = True


def _resumed(_: Book, line: BackOrder, __: f.Resumed) -> None:
    line.held = False


def _at_risk(_: Book, line: BackOrder, __: f.AtRisk) -> None:
    line.at_risk = True


def _breached(_: Book, line: BackOrder, __: f.Breached) -> None:
    line.breached = True


def _lending(_: Book, line: BackOrder, fact: f.LendingSet) -> None:
    line.lending = fact.lending


def _planned(_: Book, line: BackOrder, fact: f.ReleasePlanned) -> None:
    line.release_at = fact.at


def _only_said(_: Book, __: BackOrder, ___: f.OfBackOrder) -> None:
    """An answer changes nothing but the version."""


def _idle(book: Book, fact: lane.IdleChanged) -> None:
    book.supplied += fact.units
    move_idle(book, fact.units, gained=fact.lots)


def _inbound(book: Book, fact: lane.InboundTaken) -> None:
    book.inbound = fact.deliveries


def _stirred(book: Book, fact: lane.Stirred) -> None:
    book.stirred_by = fact.cause


def _unsettled(book: Book, fact: lane.Unsettled) -> None:
    book.unsettled_by = fact.cause


def _forecast(book: Book, _: lane.Forecast) -> None:
    book.stirred_by = None


def _policy(book: Book, fact: lane.PolicyAdopted) -> None:
    book.adopt(fact.policy)


def _reported(book: Book, fact: lane.NeedReported) -> None:
    for change in fact.changes:
        if change.known:
            line = book.take(change.back_order_id)
            line.counted += change.units
            book.put(line)
    book.supplied -= fact.returned
    move_idle(book, -fact.returned, lost=fact.lots)


def _timer(book: Book, fact: lane.TimerSet) -> None:
    if fact.at is None:
        book.timers.pop(fact.key, None)
    else:
        book.timers[fact.key] = fact.at


def _nothing(_: Book, __: lane.Fact) -> None:
    """For the shell only."""


_LINE: dict[type, Callable[[Book, BackOrder, Any], None]] = {
    f.Increased: _increased,
    f.Prioritised: _prioritised,
    f.RankKept: _rank_kept,
    f.Promised: _promised,
    f.PromiseKept: _promise_kept,
    f.PromiseWithdrawn: _withdrawn,
    f.Allocated: _allocated,
    f.Revoked: _revoked,
    f.Released: _released,
    f.Shipped: _shipped,
    f.ShippedBesides: _shipped_besides,
    f.Completed: _completed,
    f.Cancelled: _cancelled,
    f.Rerouted: _rerouted,
    f.CancelSentOn: _sent_on,
    f.CancelRefused: _only_said,
    f.Held: _held,
    f.Resumed: _resumed,
    f.CommandRefused: _only_said,
    f.AtRisk: _at_risk,
    f.Breached: _breached,
    f.LendingSet: _lending,
    f.ReleasePlanned: _planned,
}

_LANE: dict[type, Callable[[Book, Any], None]] = {
    lane.IdleChanged: _idle,
    lane.InboundTaken: _inbound,
    lane.Stirred: _stirred,
    lane.Unsettled: _unsettled,
    lane.Forecast: _forecast,
    lane.PolicyAdopted: _policy,
    lane.NeedReported: _reported,
    lane.LineRerouted: _nothing,
    lane.LineFollowed: _nothing,
    lane.TimerSet: _timer,
    lane.UnknownNamed: _nothing,
}
