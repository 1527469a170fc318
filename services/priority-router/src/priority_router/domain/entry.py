"""What the messages of the ledger mean for the queue."""

from datetime import datetime

from backorder_contracts.internal import (
    BackOrderShipped,
    CancelAnswer,
    CancelAsked,
    CancelRefused,
    Shortage,
    UnitsHanded,
)
from priority_router.domain import facts as f
from priority_router.domain import lane_facts as lane
from priority_router.domain.draft import Draft
from priority_router.domain.lots import newest_last_known, oldest
from priority_router.domain.order import BackOrder
from priority_router.domain.priority import prioritise


def shortage(draft: Draft, event: Shortage) -> None:
    """Opens the back order, or adds to it; one that ended is opened again, and ranked again."""
    key = event.back_order_id
    line = draft.find(key)
    if line is None:
        # the ledger publishes the opening of a new one; of one that we forgot we publish the increase, its version 1
        units, version = (event.units, 1) if event.first else (0, 0)
        draft.emit(
            f.Opened(
                back_order_id=key,
                cause=event.cause,
                line=event.line,
                version=version,
                units=units,
                covered=event.covered,
                at=event.at,
            )
        )
    reopened = line is not None and line.closed
    if line is not None or not event.first:
        draft.emit(
            f.Increased(
                back_order_id=key,
                cause=event.cause,
                units=event.units,
                covered=event.covered,
                reopened=reopened,
            )
        )
    if line is None or reopened:
        prioritise(draft, key, "opened" if line is None else "reopened")


def units_handed(draft: Draft, event: UnitsHanded) -> None:
    """The units are idle until the queue settles."""
    draft.emit(lane.IdleChanged(event.units, event.lots))


def shipped(draft: Draft, event: BackOrderShipped) -> None:
    """Takes released units first, then units set aside, then waiting ones.

    `counted` is what the ledger wrote off the queue's units; where the line held more or less than that, the
    difference is idle or owed. Units beyond the need were cancelled or rerouted while the message was under way:
    those that were rerouted are wanted no more where they went.
    """
    line = draft.find(event.back_order_id)
    if line is None:
        draft.emit(lane.UnknownNamed(event.back_order_id))
        if event.counted:
            draft.emit(lane.IdleChanged(-event.counted, ()))
            draft.strays.append(lane.Change(event.back_order_id, event.ref, event.counted, known=False))
        return
    units = min(event.units, line.need)
    if followed := _follow(draft, line, event.units - units):
        draft.answers.append(CancelAnswer(event.ref, 0, 0, event.cause, away=-followed))
    if units <= 0:
        if event.counted:
            draft.emit(f.ShippedBesides(back_order_id=line.back_order_id, cause=event.cause, counted=event.counted))
        return
    released = min(units, line.released)
    allocated = min(units - released, line.allocated)
    draft.emit(
        f.Shipped(
            back_order_id=line.back_order_id,
            cause=event.cause,
            units=units,
            released=released,
            allocated=allocated,
            counted=event.counted,
            lots=oldest(line.lots, released + allocated),
        )
    )
    complete_if_done(draft, event.back_order_id)


def cancel_asked(draft: Draft, event: CancelAsked) -> None:
    """Cancels what is not released, and tells the ledger how much that was: it knows where the rest stands.

    What was rerouted is followed: the order is cancelled wherever its units are.
    """
    line = draft.find(event.back_order_id)
    done = followed = 0
    if line is None:
        draft.emit(lane.UnknownNamed(event.back_order_id))
    else:
        done = min(event.units, line.need - line.released)
        if done > 0:
            cancel(draft, line, done, "order")
        followed = _follow(draft, draft.see(event.back_order_id), event.units - done)
    draft.answers.append(CancelAnswer(event.ref, event.units, done, event.cause, away=-followed))


def _follow(draft: Draft, line: BackOrder, units: int) -> int:
    """Cancel units of the part of the line that was rerouted, where it is now; how many."""
    units = min(units, line.away)
    if units <= 0 or line.rerouted_to is None:
        return 0
    draft.emit(f.CancelSentOn(back_order_id=line.back_order_id, cause=draft.cause, units=units))
    total = draft.see(line.back_order_id).recalled
    draft.emit(lane.LineFollowed(line.ref, line.rerouted_to, total, draft.cause))
    return units


def cancel_refused(draft: Draft, event: CancelRefused) -> None:
    """Says it about the back order."""
    if draft.find(event.back_order_id) is None:
        draft.emit(lane.UnknownNamed(event.back_order_id))
    else:
        draft.emit(f.CancelRefused(back_order_id=event.back_order_id, cause=event.cause, units=event.units))


def cancel(draft: Draft, line: BackOrder, units: int, reason: str, *, to_location_id: str | None = None) -> None:
    """Waiting units first, then those set aside."""
    waiting = min(units, line.waiting)
    allocated = units - waiting
    draft.emit(
        f.Cancelled(
            back_order_id=line.back_order_id,
            cause=draft.cause,
            units=units,
            waiting=waiting,
            allocated=allocated,
            lots=newest_last_known(line.lots, allocated, line.allocated + line.released),
            reason=reason,
            closes=units == line.need and not line.shipped,
            at=draft.now,
            to_location_id=to_location_id,
        )
    )
    complete_if_done(draft, line.back_order_id)


def complete_if_done(draft: Draft, back_order_id: str) -> None:
    """Ends a back order of which something shipped and nothing is left."""
    line = draft.see(back_order_id)
    if line.closed or line.need:
        return
    now = draft.now
    draft.emit(
        f.Completed(
            back_order_id=back_order_id,
            cause=draft.cause,
            at=now,
            since_placed=int((now - line.line.placed_at).total_seconds()),
            since_opened=int((now - line.opened_at).total_seconds()),
            waiting=_seconds(line.opened_at, line.whole_at),
            releasing=_seconds(line.whole_at, line.released_at),
            shipping=_seconds(line.released_at, now),
            lots=line.supplied_by,
        )
    )


def _seconds(start: datetime | None, end: datetime | None) -> int | None:
    if start is None or end is None or end < start:
        return None
    return int((end - start).total_seconds())
