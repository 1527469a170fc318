"""What each type of event says beyond the whole state: why, by which rule, at which place, for whom."""

from collections.abc import Callable
from typing import Any

from backorder_contracts import identity
from backorder_contracts.fast_state import PassedOverLine, SuppliedUnits
from backorder_contracts.fields import MAX_PROSE
from backorder_contracts.internal import CommandEntry
from priority_router.domain import facts as f
from priority_router.domain.lots import Lots
from priority_router.domain.model import LaneQueue
from priority_router.domain.rank import Rank

Extras = dict[str, Any]

# the rules by which units are set aside or taken back, and what a person would call the reason
_ALLOCATED_BECAUSE = {"win": "better-rank", "lent": "cannot-complete"}
_REVOKED_BECAUSE = {"win": "better-rank", "lent": "cannot-complete", "held": "held"}


def extras_of(fact: f.OfBackOrder, queue: LaneQueue, command: CommandEntry | None) -> Extras:
    """The extras of an event, by the names that the contract has for them."""
    extras = _EXTRAS[type(fact)](fact, queue) if type(fact) in _EXTRAS else {}
    if command is not None and command.back_order_id == fact.back_order_id:
        extras["command"] = _command(command)
    return extras


def _command(command: CommandEntry) -> Extras:
    told = {"command_id": command.command_id, "action": command.action, "requested_by": command.requested_by}
    return told if command.reason is None else {**told, "reason": command.reason}


def _place(queue: LaneQueue, rank: Rank) -> int:
    """The line's place among those that wait: 1 is first."""
    return int(queue.ladder.ahead(rank)[0]) + 1


def _supplied(lots: Lots) -> tuple[SuppliedUnits, ...]:
    return tuple(SuppliedUnits(lot.delivery_id, lot.units) for lot in lots)


def _increased(fact: f.Increased, _: LaneQueue) -> Extras:
    return {"changed": {"back_ordered": fact.units}}


def _prioritised(fact: f.Prioritised, _: LaneQueue) -> Extras:
    return {"reason": fact.reason, "rank": fact.lines_ahead + 1}


def _withdrawn(fact: f.PromiseWithdrawn, _: LaneQueue) -> Extras:
    return {"reason": fact.reason}


def _allocated(fact: f.Allocated, queue: LaneQueue) -> Extras:
    extras: Extras = {
        "changed": {"allocated": fact.units},
        "reason": _ALLOCATED_BECAUSE.get(fact.rule, "arrival"),
        "rule": fact.rule,
        "rank": _place(queue, fact.rank),
    }
    if fact.lots:
        extras["deliveries"] = _supplied(fact.lots)
    if fact.passed_over:
        extras["passed_over"] = tuple(
            PassedOverLine(line.back_order_id, _place(queue, queue.orders[line.back_order_id].rank), line.reason)
            for line in fact.passed_over
        )
        extras["passed_over_total"] = _passed_over_total(fact, queue)
    return extras


def _passed_over_total(fact: f.Allocated, queue: LaneQueue) -> int:
    """How many lines have a better rank and got nothing, the unnamed ones included."""
    if fact.rule == "promise-kept":
        return int(queue.ladder.ahead(fact.rank)[0])
    return int(queue.shelved.bisect_left(fact.rank)) + queue.ladder.lending_ahead(fact.rank) + fact.missed


def _revoked(fact: f.Revoked, queue: LaneQueue) -> Extras:
    extras: Extras = {
        "changed": {"allocated": -fact.units},
        "reason": _REVOKED_BECAUSE.get(fact.rule, "stock-lost"),
        "rule": fact.rule,
        "rank": _place(queue, fact.rank),
    }
    if fact.taken_for is not None:
        extras["taken_for"] = fact.taken_for
    return extras


def _released(fact: f.Released, queue: LaneQueue) -> Extras:
    lots = queue.orders[fact.back_order_id].lots
    return {
        "changed": {"allocated": -fact.units, "released": fact.units},
        "reason": fact.rule,
        "deliveries": _supplied(lots),
    }


def _shipped(fact: f.Shipped, _: LaneQueue) -> Extras:
    changed = {"shipped": fact.units, "released": -fact.released, "allocated": -fact.allocated}
    return {"changed": {k: n for k, n in changed.items() if n}, "deliveries": _supplied(fact.lots)}


def _completed(fact: f.Completed, _: LaneQueue) -> Extras:
    spans = {
        "total": fact.since_opened,
        "since_placed": fact.since_placed,
        "waiting": fact.waiting,
        "releasing": fact.releasing,
        "shipping": fact.shipping,
    }
    known = {name: max(seconds, 0) for name, seconds in spans.items() if seconds is not None}
    return {"durations": known, "deliveries": _supplied(fact.lots)}


def _cancelled(fact: f.Cancelled, _: LaneQueue) -> Extras:
    changed = {"cancelled": fact.units, "allocated": -fact.allocated}
    return {"changed": {k: n for k, n in changed.items() if n}, "reason": fact.reason}


def _rerouted(fact: f.Rerouted, queue: LaneQueue) -> Extras:
    order = queue.orders[fact.back_order_id]
    there = (queue.part_id, fact.to_location_id)
    return {
        "changed": {"cancelled": fact.units},
        "to_location_id": fact.to_location_id,
        "to_lane": identity.lane(*there),
        "to_back_order_id": identity.back_order_id(order.line.order_id, order.line.line_id, *there),
    }


def _cancel_refused(fact: f.CancelRefused, queue: LaneQueue) -> Extras:
    order = queue.orders[fact.back_order_id]
    reason = "released" if order.released else "shipped" if order.shipped else "nothing-to-cancel"
    return {"refused": {"units": fact.units, "reason": reason}}


def _command_refused(fact: f.CommandRefused, _: LaneQueue) -> Extras:
    refused = {"units": 0, "reason": fact.reason, "detail": fact.detail[:MAX_PROSE]}
    return {"refused": refused, "reason": fact.reason}


_EXTRAS: dict[type, Callable[[Any, LaneQueue], Extras]] = {
    f.Increased: _increased,
    f.Prioritised: _prioritised,
    f.PromiseWithdrawn: _withdrawn,
    f.Allocated: _allocated,
    f.Revoked: _revoked,
    f.Released: _released,
    f.Shipped: _shipped,
    f.Completed: _completed,
    f.Cancelled: _cancelled,
    f.Rerouted: _rerouted,
    f.CancelRefused: _cancel_refused,
    f.CommandRefused: _command_refused,
}
