"""Events in words, for people who watch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from backorder_contracts.identity import lane
from backorder_dev.demo.records import Event

State = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Told:
    """A sentence about an event; `weight` 0: one of many, 1: worth a look, 2: a rare thing."""

    at: float
    text: str
    weight: int = 0


@dataclass(frozen=True, slots=True)
class Context:
    """What was known before: the state until then, who is overtaken, and the order for which units were taken."""

    before: State | None = None
    overtaken: int = 0
    taken_for: str | None = None


_NOTHING = Context()


def tell(event: Event, context: Context = _NOTHING) -> Told | None:
    """The sentence for an event, or None when it is not worth one."""
    if event.letter:
        where = f"{event.letter.get('topic')}[{event.letter.get('partition')}]@{event.letter.get('offset')}"
        text = f"refused: {where}, {event.letter.get('reason')}: {event.letter.get('detail')}"
        return Told(event.seen_at, text, 1)
    state = event.data or {}
    say = _SENTENCES.get(event.type)
    if say is None:
        return None
    text, weight = say(state, context)
    return Told(event.seen_at, f"{_name(state)}: {text}", max(weight, _weight(state)))


def _weight(state: State) -> int:
    scene = state["order_id"].startswith("SO-90") and len(state["order_id"]) == len("SO-9001")
    return 2 if scene else int(state["service_impact"] == "down")


def _name(state: State) -> str:
    return f"{state['order_id']}/{state['line_id']} {lane(state['part_id'], state['location_id'])}"


def _from(lots: Any) -> str:
    return " from " + ", ".join(f"{lot['delivery_id']}" for lot in lots) if lots else ""


def _changed(state: State, what: str) -> int:
    changed: dict[str, int] = state.get("changed") or {}
    return abs(changed.get(what, 0))


def _opened(state: State, _: Context) -> tuple[str, int]:
    units = state["quantity"]
    if state["cause"]["type"] == "order.placed":
        return f"{units['back_ordered']} of {units['ordered']} not in stock, waits", 0
    return f"lost its cover, {units['back_ordered']} of {units['ordered']} wait now", 2


def _increased(state: State, _: Context) -> tuple[str, int]:
    return f"lost more of its cover, {state['quantity']['waiting']} wait now", 2


def _allocated(state: State, context: Context) -> tuple[str, int]:
    passed = f", overtook {context.overtaken}" if context.overtaken else ""
    lots = state.get("deliveries") or state["supplied_by"]
    return f"allocated {_changed(state, 'allocated')}{_from(lots)} ({state['band']}){passed}", int(
        context.overtaken > 0
    )


def _revoked(state: State, context: Context) -> tuple[str, int]:
    why = f"for {context.taken_for}" if context.taken_for else state.get("reason") or "unknown reason"
    return f"{_changed(state, 'allocated')} taken back, {why}", 2


def _released(state: State, _: Context) -> tuple[str, int]:
    return f"released {_changed(state, 'released')} to the warehouse", 0


def _shipped(state: State, _: Context) -> tuple[str, int]:
    return f"shipped {_changed(state, 'shipped')}{_from(state.get('deliveries'))}", 0


def _completed(state: State, _: Context) -> tuple[str, int]:
    took = (state.get("durations") or {}).get("total")
    after = f" after {took} s" if took is not None else ""
    return f"completed{after}{_from(state.get('deliveries'))}", 0


def _cancelled(state: State, _: Context) -> tuple[str, int]:
    return f"{_changed(state, 'cancelled')} cancelled, {state['status']}", 1


def _refused(state: State, _: Context) -> tuple[str, int]:
    refused = state.get("refused") or {}
    return f"too late to cancel {refused.get('units')} ({refused.get('reason')})", 1


def _promised(state: State, context: Context) -> tuple[str, int]:
    promise, before = state["promise"], context.before
    old = before["promise"] if before else None
    if promise is None:
        return "no date can be promised any more", 1
    if not old:
        return f"expected {_day(promise['p50'])}", 0
    return f"expected {_day(promise['p50'])}, not {_day(old['p50'])}", 1


def _at_risk(_: State, __: Context) -> tuple[str, int]:
    return "expected later than due", 0


def _breached(_: State, __: Context) -> tuple[str, int]:
    return "overdue", 1


def _day(text: str) -> str:
    return f"{datetime.fromisoformat(text).astimezone():%d %b %H:%M}"


_SENTENCES: dict[str, Callable[[State, Context], tuple[str, int]]] = {
    "back-order.opened": _opened,
    "back-order.increased": _increased,
    "back-order.allocated": _allocated,
    "back-order.revoked": _revoked,
    "back-order.released": _released,
    "back-order.shipped": _shipped,
    "back-order.completed": _completed,
    "back-order.cancelled": _cancelled,
    "back-order.cancel-refused": _refused,
    "back-order.promised": _promised,
    "back-order.at-risk": _at_risk,
    "back-order.breached": _breached,
}
