"""What follows from an input, for the queue of one lane."""

from datetime import datetime
from itertools import islice
from typing import assert_never

from backorder_contracts.internal import (
    BackOrderShipped,
    CancelAsked,
    CancelRefused,
    Cause,
    CommandEntry,
    Shortage,
    UnitsHanded,
)
from priority_router.domain import entry
from priority_router.domain import facts as f
from priority_router.domain import lane_facts as lane
from priority_router.domain.commands import command
from priority_router.domain.draft import Draft
from priority_router.domain.events import (
    DUE,
    FORECAST,
    OVERDUE,
    RELEASE,
    SETTLE,
    Event,
    Inbound,
    InboundSeen,
    PolicyTaken,
    TimerRang,
)
from priority_router.domain.lending import flips, set_lending
from priority_router.domain.model import LaneQueue
from priority_router.domain.priority import prioritise_anew
from priority_router.domain.promise import reckon, warn
from priority_router.domain.release import plan_releases, release_due
from priority_router.domain.report import report, set_timers, stir
from priority_router.domain.settle import settle


def decide(queue: LaneQueue, event: Event, now: datetime) -> tuple[lane.Fact, ...]:
    """All facts that follow from the input, in the order in which they are to be written and published.

    Pure and total: `queue` stays as it is, and every input has an answer. It raises only when the queue
    contradicts itself, which is a defect of ours.
    """
    draft = Draft(queue, now, _cause(queue, event))
    _take(draft, event)
    if not draft.reranking:
        settle(draft)
    plan_releases(draft)
    stir(draft)
    report(draft)
    set_timers(draft, event.key if isinstance(event, TimerRang) else None)
    return tuple(draft.facts)


def _cause(queue: LaneQueue, event: Event) -> Cause:
    """What people would call the cause: a timer that goes on with something has the cause of that."""
    if not isinstance(event, TimerRang):
        return event.cause
    known = queue.stirred_by if event.key == FORECAST else None
    if queue.stale or event.key == SETTLE:
        known = queue.unsettled_by
    return known or Cause("timer", f"{event.key}@{event.at.isoformat()}")


def _take(draft: Draft, event: Event) -> None:
    match event:
        case Shortage():
            entry.shortage(draft, event)
        case UnitsHanded():
            entry.units_handed(draft, event)
        case BackOrderShipped():
            entry.shipped(draft, event)
        case CancelAsked():
            entry.cancel_asked(draft, event)
        case CancelRefused():
            entry.cancel_refused(draft, event)
        case CommandEntry():
            command(draft, event)
        case InboundSeen():
            _inbound(draft, event)
        case TimerRang():
            _rang(draft, event)
        case PolicyTaken():
            _policy(draft, event)
        case _:
            assert_never(event)


def _inbound(draft: Draft, event: InboundSeen) -> None:
    named: dict[str, Inbound] = {d.delivery_id: d for d in event.deliveries if d.units > 0}
    deliveries = tuple(sorted(named.values(), key=lambda d: (d.p50, d.delivery_id)))
    if deliveries != draft.inbound:
        draft.emit(lane.InboundTaken(deliveries, event.cause))


def _rang(draft: Draft, event: TimerRang) -> None:
    if draft.reranking:
        _rank_anew(draft)
    elif event.key == RELEASE:
        release_due(draft)
    elif event.key == DUE:
        _breach(draft)
    elif event.key == FORECAST:
        _forecast(draft)
    elif event.key == OVERDUE and draft.inbound and draft.stirred_by is None:
        draft.emit(lane.Stirred(draft.cause))


def _breach(draft: Draft) -> None:
    for at, key in draft.queue.dues[: draft.at_once]:
        if at > draft.now:
            return
        draft.emit(f.Breached(back_order_id=key, cause=draft.cause))


def _forecast(draft: Draft) -> None:
    """First who lends; only when that has come to rest, the promises: they depend on it.

    When that changed who is protected, or where, it is looked at once more.
    """
    turned = flips(draft)
    for line, lending in turned:
        set_lending(draft, line, lending=lending)
    if not turned and not reckon(draft):
        draft.unforetold = True
    elif not turned and not draft.guards_moved():
        draft.emit(lane.Forecast())
    elif draft.stirred_by is None:
        draft.emit(lane.Stirred(draft.cause))


def _policy(draft: Draft, event: PolicyTaken) -> None:
    """The lines are ranked anew, then units are handed out by the new rules: both when the timer rings."""
    draft.emit(lane.PolicyAdopted(event.policy))
    draft.reranking = True


def _rank_anew(draft: Draft) -> None:
    for key in list(islice(draft.queue.stale, draft.at_once)):
        prioritise_anew(draft, draft.see(key))
        warn(draft, key, draft.cause)
