"""Writes what a fact says into a lane. No rule stands here."""

from functools import singledispatch

from gap_detector.domain import events as e
from gap_detector.domain.model import Lane


def evolve(lane: Lane, fact: e.Fact) -> None:
    """Change the lane to what the fact says."""
    _apply(fact, lane)


@singledispatch
def _apply(fact: object, _lane: Lane) -> None:
    raise TypeError(f"no lane knows what {type(fact).__name__} means")


@_apply.register
def _(fact: e.LineEntered, lane: Lane) -> None:
    line = lane.touch(fact.line.ref)
    line.detail = fact.line
    line.number = lane.number = fact.number
    line.cover_shipped = fact.cover_shipped
    line.cancelled += fact.cancelled


@_apply.register
def _(fact: e.Covered, lane: Lane) -> None:
    lane.touch(fact.ref).covered += fact.units
    lane.covered += fact.units


@_apply.register
def _(fact: e.Uncovered, lane: Lane) -> None:
    line = lane.touch(fact.ref)
    line.covered -= fact.units
    lane.covered -= fact.units
    if fact.cancelled:
        line.cancelled += fact.units


@_apply.register
def _(fact: e.CoverShipped, lane: Lane) -> None:
    line = lane.touch(fact.ref)
    line.covered -= fact.units
    line.cover_shipped += fact.units
    lane.covered -= fact.units


@_apply.register
def _(fact: e.Shorted, lane: Lane) -> None:
    line = lane.touch(fact.ref)
    line.opened = True
    line.need += fact.units
    line.counted += fact.units
    lane.needed += fact.units


@_apply.register
def _(fact: e.Handed, lane: Lane) -> None:
    lane.handed += fact.units
    lane.needed -= fact.units


@_apply.register
def _(fact: e.StockSet, lane: Lane) -> None:
    lane.on_hand = fact.on_hand
    lane.version = fact.version


@_apply.register
def _(fact: e.LotsSet, lane: Lane) -> None:
    lane.lots = fact.lots


@_apply.register
def _(fact: e.ShipmentSeen, lane: Lane) -> None:
    lane.touch(fact.ref).shipped += fact.units


@_apply.register
def _(fact: e.BackOrderLeft, lane: Lane) -> None:
    line = lane.touch(fact.ref)
    line.need -= fact.units
    line.counted -= fact.counted
    lane.handed -= fact.counted


@_apply.register
def _(fact: e.CancelSent, lane: Lane) -> None:
    lane.touch(fact.ref).cancelling += fact.units


@_apply.register
def _(fact: e.CancelDone, lane: Lane) -> None:
    line = lane.touch(fact.ref)
    line.cancelling -= fact.asked
    line.cancelled += fact.done
    # a shipment may have taken the same units meanwhile
    line.need = max(0, line.need - fact.done)


@_apply.register
def _(fact: e.NeedMoved, lane: Lane) -> None:
    lane.touch(fact.ref).counted += fact.units
    lane.needed += fact.units


@_apply.register
def _(fact: e.Returned, lane: Lane) -> None:
    lane.handed -= fact.units
    lane.needed += fact.units


@_apply.register(e.CancelLeft)
@_apply.register(e.CancellationKept)
@_apply.register(e.Conflict)
def _(_fact: e.CancelLeft | e.CancellationKept | e.Conflict, _lane: Lane) -> None:
    """These are only told; they change no number."""
