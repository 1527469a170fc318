"""Writes what a fact says into a lane. No rule stands here."""

from collections.abc import Callable
from typing import Any

from gap_detector.domain import events as e
from gap_detector.domain.model import Lane


def evolve(lane: Lane, fact: e.Fact) -> None:
    """Change the lane to what the fact says."""
    _APPLY[type(fact)](lane, fact)


def _line_entered(lane: Lane, fact: e.LineEntered) -> None:
    line = lane.touch(fact.ref)
    line.detail = fact.line
    line.number = lane.number = fact.number
    line.cover_shipped = fact.cover_shipped
    line.cancelled += fact.cancelled
    line.covered += fact.covered
    lane.covered += fact.covered


def _uncovered(lane: Lane, fact: e.Uncovered) -> None:
    line = lane.touch(fact.ref)
    line.covered -= fact.units
    lane.covered -= fact.units
    if fact.cancelled:
        line.cancelled += fact.units


def _cover_shipped(lane: Lane, fact: e.CoverShipped) -> None:
    line = lane.touch(fact.ref)
    line.covered -= fact.units
    line.cover_shipped += fact.units
    lane.covered -= fact.units


def _shorted(lane: Lane, fact: e.Shorted) -> None:
    line = lane.touch(fact.ref)
    line.opened = True
    line.need += fact.units
    line.counted += fact.units
    lane.needed += fact.units


def _handed(lane: Lane, fact: e.Handed) -> None:
    lane.handed += fact.units
    lane.needed -= fact.units


def _stock_set(lane: Lane, fact: e.StockSet) -> None:
    lane.on_hand = fact.on_hand
    lane.version = fact.version


def _lots_set(lane: Lane, fact: e.LotsSet) -> None:
    lane.lots = fact.lots


def _shipment_seen(lane: Lane, fact: e.ShipmentSeen) -> None:
    lane.touch(fact.ref).shipped += fact.units


def _back_order_left(lane: Lane, fact: e.BackOrderLeft) -> None:
    line = lane.touch(fact.ref)
    line.need -= fact.units
    line.counted -= fact.counted
    lane.handed -= fact.counted


def _cancel_sent(lane: Lane, fact: e.CancelSent) -> None:
    lane.touch(fact.ref).cancelling += fact.units


def _cancel_done(lane: Lane, fact: e.CancelDone) -> None:
    line = lane.touch(fact.ref)
    line.cancelling -= fact.asked
    line.cancelled += fact.done
    line.away += fact.away
    # a shipment may have taken the same units meanwhile
    line.need = max(0, line.need - fact.done)


def _recall_heard(lane: Lane, fact: e.RecallHeard) -> None:
    lane.touch(fact.ref).recalled = fact.total


def _need_moved(lane: Lane, fact: e.NeedMoved) -> None:
    lane.touch(fact.ref).counted += fact.units
    lane.needed += fact.units


def _returned(lane: Lane, fact: e.Returned) -> None:
    lane.handed -= fact.units
    lane.needed += fact.units


def _only_told(_lane: Lane, _fact: e.CancelLeft | e.CancellationKept | e.Conflict) -> None:
    """These change no number."""


_APPLY: dict[type, Callable[[Lane, Any], None]] = {
    e.LineEntered: _line_entered,
    e.Uncovered: _uncovered,
    e.CoverShipped: _cover_shipped,
    e.Shorted: _shorted,
    e.Handed: _handed,
    e.StockSet: _stock_set,
    e.LotsSet: _lots_set,
    e.ShipmentSeen: _shipment_seen,
    e.BackOrderLeft: _back_order_left,
    e.CancelSent: _cancel_sent,
    e.CancelDone: _cancel_done,
    e.RecallHeard: _recall_heard,
    e.NeedMoved: _need_moved,
    e.Returned: _returned,
    e.CancelLeft: _only_told,
    e.CancellationKept: _only_told,
    e.Conflict: _only_told,
}
