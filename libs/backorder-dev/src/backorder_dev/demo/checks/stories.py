"""What must have come of each named scene."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from backorder_dev.demo import stories
from backorder_dev.demo.account import Account
from backorder_dev.demo.checks.finding import Finding
from backorder_dev.demo.found import Found

_LANES = {story.name: story.lane for story in stories.STORIES}
_HANDED = {"back-order.allocated": "+", "back-order.revoked": "-"}
_DAY = 86_400


def check(account: Account, found: Found) -> Iterator[Finding]:
    """One finding per scene."""
    for name, (expected, look) in _CHECKS.items():
        yield Finding(f"scene: {name}", expected, look(account, found))


def _handed(found: Found, name: str) -> str:
    """Who got units and who lost them, in the order in which that was published."""
    steps = []
    for event in found.of_lane(_LANES[name]):
        state = event.data or {}
        if event.type in _HANDED:
            steps.append(f"{state['order_id']} {state['changed']['allocated']:+}")
        elif event.type == "back-order.cancelled":
            steps.append(f"{state['order_id']} cancelled {state['changed']['cancelled']}")
    return ", ".join(steps)


def _released(found: Found, order_id: str) -> str:
    """The units of each release of an order's first line."""
    back_order = found.of_line(order_id)
    events = back_order.of_type("released") if back_order else []
    return "+".join(str((event.data or {})["changed"]["released"]) for event in events) or "none"


def _status(found: Found, order_id: str) -> str:
    back_order = found.of_line(order_id)
    return str(back_order.last["status"]) if back_order else "covered"


def _emergency(_: Account, found: Found) -> str:
    return _handed(found, stories.EMERGENCY)


def _taken_back(_: Account, found: Found) -> str:
    return f"{_handed(found, stories.TAKEN_BACK)}; SO-9003 released {_released(found, 'SO-9003')}"


def _cancelled(account: Account, found: Found) -> str:
    return f"{_handed(found, stories.CANCELLED)}; shipped {account.shipped(('SO-9005', '1'))}"


def _partly(account: Account, found: Found) -> str:
    return f"{_handed(found, stories.PARTLY)}; SO-9007 shipped {account.shipped(('SO-9007', '1'))}"


def _damaged(account: Account, found: Found) -> str:
    lost = [
        f"{state['order_id']} lost {state['quantity']['back_ordered']} covered"
        for event in found.of_lane(_LANES[stories.DAMAGED])
        for state in (event.data or {},)
        if event.type == "back-order.opened" and state["cause"]["type"] == "stock.changed"
    ]
    revoked = [
        f"{state['order_id']} {state['changed']['allocated']:+}"
        for event in found.of_lane(_LANES[stories.DAMAGED])
        for state in (event.data or {},)
        if event.type == "back-order.revoked"
    ]
    shipped = sum(account.shipped((order, "1")) for order in ("SO-9008", "SO-9009", "SO-9010"))
    return f"{', '.join(revoked + lost)}; shipped {shipped} of 15"


def _early(_: Account, found: Found) -> str:
    back_order = found.of_line("SO-9011")
    ends = back_order.of_type("completed") if back_order else []
    if back_order is None or not ends:
        return _status(found, "SO-9011")
    first = next((state["promise"]["first_p50"] for state in back_order.states if state["promise"]), None)
    if first is None:
        return "never promised"
    days = (datetime.fromisoformat(first).timestamp() - ends[0].seen_at) / _DAY
    supplied = ", ".join(lot["delivery_id"] for lot in back_order.last["supplied_by"])
    return f"completed with {supplied}, {'days before' if days > 1 else 'not before'} the promise"


def _late(_: Account, found: Found) -> str:
    back_order = found.of_line("SO-9012")
    if back_order is None:
        return "covered"
    dates = [
        datetime.fromisoformat(state["promise"]["p50"]).timestamp() for state in back_order.states if state["promise"]
    ]
    later = bool(dates) and max(dates) - dates[0] > _DAY
    supplied = ", ".join(lot["delivery_id"] for lot in back_order.last["supplied_by"])
    return f"{'promised later' if later else 'not promised later'}, {back_order.last['status']} with {supplied}"


def _complete(account: Account, found: Found) -> str:
    shipments = "+".join(map(str, account.shipments.get(("SO-9013", "1"), ()))) or "nothing"
    return f"released {_released(found, 'SO-9013')}, shipped {shipments}"


_CHECKS: dict[str, tuple[str, Callable[[Account, Found], str]]] = {
    stories.EMERGENCY: ("SO-9002 +3, SO-9001 +4", _emergency),
    stories.TAKEN_BACK: (
        "SO-9003 +4, SO-9003 -3, SO-9004 +3, SO-9003 +5; SO-9003 released 6",
        _taken_back,
    ),
    stories.CANCELLED: ("SO-9005 cancelled 2, SO-9005 cancelled 3; shipped 0", _cancelled),
    stories.PARTLY: ("SO-9006 +2, SO-9006 cancelled 6, SO-9007 +2; SO-9007 shipped 2", _partly),
    stories.DAMAGED: ("SO-9010 -3, SO-9009 lost 3 covered; shipped 15 of 15", _damaged),
    stories.EARLY: ("completed with PO-8805/1, days before the promise", _early),
    stories.LATE: ("promised later, completed with PO-8806/1", _late),
    stories.COMPLETE: ("released 3, shipped 5", _complete),
}
