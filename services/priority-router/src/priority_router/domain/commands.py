"""What people and systems ask of a back order. Every command is answered: it is done, or refused with a reason.

A command is done whole or not at all. The reasons are codes that integrators read; they only grow.
"""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from msgspec.structs import replace

from backorder_contracts.identity import lane
from backorder_contracts.internal import CancelAnswer, CommandEntry
from priority_router.domain import facts as f
from priority_router.domain import lane_facts as lf
from priority_router.domain.draft import Draft
from priority_router.domain.entry import cancel
from priority_router.domain.lots import newest_last_known
from priority_router.domain.order import BackOrder
from priority_router.domain.priority import prioritise
from priority_router.domain.promise import warn
from priority_router.domain.release import release
from priority_router.domain.settle import take_back


class Refusal(NamedTuple):
    """Why a command is not done."""

    reason: str
    detail: str


Answer: TypeAlias = Refusal | None


def command(draft: Draft, event: CommandEntry) -> None:
    """Do it or refuse it; for a back order that nobody knows, say so."""
    line = draft.find(event.back_order_id)
    if line is None:
        draft.emit(lf.UnknownNamed(event.back_order_id, event))
        return
    refusal = _check(draft, line, event) or _ACTIONS[event.action](draft, line, event)
    if refusal is not None:
        draft.emit(
            f.CommandRefused(
                back_order_id=line.back_order_id,
                cause=event.cause,
                action=event.action,
                reason=refusal.reason,
                detail=refusal.detail,
            )
        )


def _check(draft: Draft, line: BackOrder, event: CommandEntry) -> Answer:
    if event.action not in _ACTIONS:
        return Refusal("unknown-action", f"There is no action {event.action}.")
    if lane(event.part_id, event.location_id) != draft.queue.lane:
        return Refusal("wrong-lane", f"The back order belongs to {draft.queue.lane}.")
    if line.closed:
        return Refusal("closed", f"The back order ended: it is {line.status}.")
    if event.action != "resume" and line.need == line.released:
        return Refusal("already-released", "All that is left of the back order is released.")
    return None


def _hold(draft: Draft, line: BackOrder, event: CommandEntry) -> Answer:
    if line.held:
        return Refusal("already-held", "The back order is held already.")
    key = line.back_order_id
    draft.emit(f.Held(back_order_id=key, cause=event.cause))
    if line.allocated:
        take_back(draft, line, line.allocated, "held")
    if line.promise is not None:
        draft.emit(f.PromiseWithdrawn(back_order_id=key, cause=event.cause, reason="held"))
    return None


def _resume(draft: Draft, line: BackOrder, event: CommandEntry) -> Answer:
    if not line.held:
        return Refusal("not-held", "The back order is not held.")
    draft.emit(f.Resumed(back_order_id=line.back_order_id, cause=event.cause))
    return None


def _expedite(draft: Draft, line: BackOrder, event: CommandEntry) -> Answer:
    if event.band is None:
        return Refusal("missing-band", "The command names no band.")
    band = draft.policy.band_named(event.band)
    if band is None:
        known = ", ".join(known.name for known in draft.policy.bands)
        return Refusal("unknown-band", f"The policy has no band {event.band}; it has {known}.")
    prioritise(draft, line.back_order_id, "expedited", pin=band)
    warn(draft, line.back_order_id, event.cause)
    return None


def _cancel(draft: Draft, line: BackOrder, event: CommandEntry) -> Answer:
    free = line.need - line.released
    units = free if event.quantity is None else event.quantity
    if units < 1:
        return Refusal("bad-quantity", "The quantity must be at least 1.")
    if units > free:
        return Refusal("not-enough", f"Only {free} units can be cancelled.")
    cancel(draft, line, units, "command")
    draft.answers.append(CancelAnswer(line.ref, 0, units, event.cause))
    return None


def _release(draft: Draft, line: BackOrder, _: CommandEntry) -> Answer:
    if line.held:
        return Refusal("held", "The back order is held; resume it first.")
    if not line.allocated:
        return Refusal("nothing-allocated", "No units are set aside for the back order.")
    release(draft, line, "command")
    return None


def _reroute(draft: Draft, line: BackOrder, event: CommandEntry) -> Answer:
    there = event.to_location_id
    if there is None:
        return Refusal("missing-location", "The command names no location to go to.")
    if there == line.line.location_id:
        return Refusal("same-location", f"The back order is at {there} already.")
    if lane(line.line.part_id, there) in line.line.been:
        return Refusal("already-there", f"The order line was rerouted away from {there} before.")
    if line.rerouted_to is not None:
        return Refusal("rerouted-before", f"A part of the order line went to {line.rerouted_to} already.")
    units = line.need - line.released
    gone = replace(
        line.line,
        location_id=there,
        quantity=units,
        rerouted_from=line.back_order_id,
        been=(*line.line.been, draft.queue.lane),
    )
    if line.released:
        # what is released stays, so the back order goes on: for it the other units are cancelled
        cancel(draft, line, units, "rerouted", to_location_id=there)
    else:
        allocated = line.allocated
        draft.emit(
            f.Rerouted(
                back_order_id=line.back_order_id,
                cause=event.cause,
                units=units,
                waiting=line.waiting,
                allocated=allocated,
                lots=newest_last_known(line.lots, allocated, allocated),
                to_location_id=there,
                at=draft.now,
            )
        )
    draft.emit(lf.LineRerouted(gone, event))
    draft.answers.append(CancelAnswer(line.ref, 0, units, event.cause, away=units))
    return None


_ACTIONS: dict[str, Callable[[Draft, BackOrder, CommandEntry], Answer]] = {
    "hold": _hold,
    "resume": _resume,
    "expedite": _expedite,
    "cancel": _cancel,
    "release": _release,
    "reroute": _reroute,
}
