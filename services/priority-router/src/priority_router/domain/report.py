"""What every decision ends with: the ledger hears what changed, and the timers are set."""

from datetime import datetime

from priority_router.domain.draft import Draft
from priority_router.domain.events import DUE, FORECAST, OVERDUE, RELEASE, SETTLE
from priority_router.domain.lane_facts import Change, NeedReported, Stirred, TimerSet, Unsettled
from priority_router.domain.model import Print
from priority_router.domain.policy import LATEST
from priority_router.domain.promise import FRESH


def report(draft: Draft) -> None:
    """Tell the ledger which needs differ from its count, and give back the units that no line can use."""
    changes = [
        Change(line.back_order_id, line.ref, line.want - line.counted)
        for line in draft.touched.values()
        if line.want != line.counted
    ]
    changes += draft.strays
    unsettled = draft.reranking or draft.spent
    if unsettled != (draft.unsettled_by is not None):
        draft.emit(Unsettled(draft.cause if unsettled else None))
    returned = 0 if unsettled else max(draft.idle, 0)
    if changes or returned or draft.answers:
        draft.emit(
            NeedReported(
                changes=tuple(changes),
                returned=returned,
                lots=draft.idle_lots if returned else (),
                answers=tuple(draft.answers),
                cause=draft.cause,
            )
        )


def stir(draft: Draft) -> None:
    """Note that promises may have moved, unless nothing in the lane can have any.

    They are reckoned a moment later, once for all that happens meanwhile: a delivery that is received and
    the units that come of it are told by two messages, and must not move a promise there and back.
    """
    inbound_moved = draft.inbound != draft.queue.inbound
    supply_moved = inbound_moved or min(draft.idle, 0) != min(draft.queue.idle, 0)
    if draft.stirred_by is not None and not supply_moved:
        return
    if not supply_moved and all(_stands(was) == _stands(now) for _, was, now in draft.changed()):
        return
    if inbound_moved or _matters(draft):
        draft.emit(Stirred(draft.cause))


def _stands(place: Print | None) -> tuple[object, ...] | None:
    if place is None or place.slot is None:
        return None
    return place.rank, place.slot.waiting, place.slot.lent, place.slot.claim


def _matters(draft: Draft) -> bool:
    tally = draft.queue.ladder.tally
    if draft.inbound or tally.promised or tally.claiming:
        return True
    return any(now.slot.claim or now.promise for _, _, now in draft.changed() if now is not None and now.slot)


def set_timers(draft: Draft, rang: str | None) -> None:
    """Ask for the next ring of each timer, where that changed."""
    wanted = {
        RELEASE: _earliest(draft, "releases"),
        DUE: _earliest(draft, "dues"),
        FORECAST: _forecast_at(draft, rang),
        SETTLE: draft.now if draft.unsettled_by is not None else None,
        OVERDUE: _overdue_at(draft),
    }
    for key, at in wanted.items():
        if draft.timers.get(key) != at or (key == rang and at is not None):
            draft.emit(TimerSet(key, at))


def _forecast_at(draft: Draft, rang: str | None) -> datetime | None:
    if draft.stirred_by is None:
        return None
    if draft.unforetold:
        return draft.now
    at = draft.timers.get(FORECAST)
    return at if at is not None and rang != FORECAST else draft.now + draft.policy.promise_debounce


def _overdue_at(draft: Draft) -> datetime | None:
    """When promises that rest on the first delivery are to be reckoned anew, because it has not come."""
    promised = draft.queue.ladder.tally.promised
    promised += sum(_is_promised(now) - _is_promised(was) for _, was, now in draft.changed())
    if not draft.inbound or not promised:
        return None
    first, span = draft.inbound[0].p50, max(draft.policy.tolerance, FRESH)
    known = draft.timers.get(OVERDUE)
    if first <= draft.now and known is not None and known > draft.now:
        return known
    return min(max(first, draft.now), LATEST - span) + span


def _is_promised(place: Print | None) -> bool:
    return place is not None and place.slot is not None and place.slot.promised and not place.slot.lent


def _earliest(draft: Draft, index: str) -> datetime | None:
    times: list[datetime] = [
        at
        for _, _, now in draft.changed()
        if now is not None and (at := now.release_at if index == "releases" else now.due_at) is not None
    ]
    untouched = (at for at, key in getattr(draft.queue, index) if key not in draft.touched)
    first = next(untouched, None)
    if first is not None:
        times.append(first)
    return min(times, default=None)
