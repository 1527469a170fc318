"""Every order line is accounted for, and every back order has a history without gap or contradiction."""

from __future__ import annotations

from collections.abc import Iterator

from backorder_dev.demo.account import Account
from backorder_dev.demo.checks.finding import Finding, all_of, none_of, number
from backorder_dev.demo.found import BackOrder, Found

_PARTS = ("waiting", "allocated", "released", "shipped", "cancelled")


def check(account: Account, found: Found) -> Iterator[Finding]:
    """Lines, versions, sums, endings, snapshots."""
    back_orders = list(found.back_orders.values())
    yield _lines(account, found)
    yield all_of(
        "back orders whose versions are 1, 2, 3, … without gap",
        len(back_orders),
        [
            each.back_order_id
            for each in back_orders
            if [state["version"] for state in each.states] != list(range(1, len(each.events) + 1))
        ],
    )
    events = [(event.id, state) for each in back_orders for event, state in zip(each.events, each.states, strict=True)]
    yield all_of(
        "state events whose units add up", len(events), [name for name, state in events if not _adds_up(state)]
    )
    yield none_of("events published again with other content", found.contradictions)
    yield _shipped(account, found)
    yield _ended(back_orders)
    yield _cancelled(account, found)
    yield _deliveries(account, back_orders)
    yield _snapshots(found)


def _lines(account: Account, found: Found) -> Finding:
    """Covered, back-ordered, or both; what is covered leaves the warehouse, or is cancelled."""
    by_ref = {each.ref: each for each in found.back_orders.values()}
    wrong = [f"{ref[0]}/{ref[1]} was never ordered" for ref in by_ref.keys() - account.lines.keys()]
    for ref, line in account.lines.items():
        back_order = by_ref.get(ref)
        if back_order is None:
            fits = account.wanted(ref) == 0
        else:
            units = back_order.units
            whole = units["covered"] + units["back_ordered"]
            # what is cancelled of the cover is nobody's any more
            fits = units["ordered"] == line.quantity and (
                whole == line.quantity or (whole < line.quantity and ref in account.cancelled)
            )
        if not fits:
            wrong.append(f"{ref[0]}/{ref[1]}")
    covered = len(account.lines.keys() - by_ref.keys())
    what = f"order lines = covered ({covered:,}) + with a back order ({len(by_ref):,})"
    return all_of(what, len(account.lines), wrong)


def _adds_up(state: dict[str, dict[str, int]]) -> bool:
    units = state["quantity"]
    return (
        units["back_ordered"] == sum(units[part] for part in _PARTS)
        and units["covered"] + units["back_ordered"] <= units["ordered"]
        and min(units.values()) >= 0
    )


def _shipped(account: Account, found: Found) -> Finding:
    """A shipment uses up the line's cover first, then its back order."""
    wrong, total, told = [], 0, 0
    for each in found.back_orders.values():
        shipped = account.shipped(each.ref)
        cover = min(shipped, each.units["covered"])
        if each.ref in account.cancelled and account.cancelled[each.ref] is None:
            cover = min(cover, shipped - each.units["shipped"])  # the rest of the cover was cancelled
        total += shipped - cover
        told += each.units["shipped"]
        if each.units["shipped"] != shipped - cover:
            wrong.append(f"{each.ref[0]}/{each.ref[1]}: {each.units['shipped']} instead of {shipped - cover}")
    return number("units shipped for back orders", total, told, wrong)


def _ended(back_orders: list[BackOrder]) -> Finding:
    wrong = [each.back_order_id for each in back_orders if each.closed != (each.need == 0)]
    for each in back_orders:
        completed = len(each.of_type("completed"))
        if each.last["status"] == "completed" and completed != 1:
            wrong.append(f"{each.back_order_id}: completed {completed} times")
    done = sum(each.need == 0 for each in back_orders)
    closed = sum(each.closed for each in back_orders)
    return number("back orders of which nothing is left, ended once", done, closed, wrong)


def _cancelled(account: Account, found: Found) -> Finding:
    concerned = [
        each for each in found.back_orders.values() if each.ref in account.cancelled and each.ref in account.lines
    ]
    wrong = []
    for each in concerned:
        less = account.cancelled[each.ref]
        if (less is None and each.need) or (less is not None and each.units["cancelled"] != less):
            wrong.append(f"{each.ref[0]}/{each.ref[1]}")
    return all_of("cancelled lines of which nobody waits for a unit too many", len(concerned), wrong)


def _deliveries(account: Account, back_orders: list[BackOrder]) -> Finding:
    """A back order may name a delivery only if it came for its lane, and no delivery more units than it brought.

    A completed one has to name some, unless it may have got units that a cancelled order left on the shelf.
    """
    wrong: list[str] = []
    left = {where: dict(brought) for where, brought in account.brought.items()}
    named = [each for each in back_orders if each.last["supplied_by"]]
    for each in named:
        for lot in each.last["supplied_by"]:
            brought = left.get(each.lane, {})
            units = brought.get(lot["delivery_id"], 0) - lot["quantity"]
            if units < 0:
                wrong.append(f"{each.back_order_id} names {lot['quantity']} of {lot['delivery_id']}")
            brought[lot["delivery_id"]] = units
    left_over = {account.lines[ref].lane for ref in account.cancelled}
    unlinked = [
        f"{each.back_order_id} names no delivery"
        for each in back_orders
        if each.last["status"] == "completed" and not each.last["supplied_by"] and each.lane not in left_over
    ]
    checked = len(named) + len(unlinked)
    return all_of("back orders that name the deliveries which came for them", checked, wrong + unlinked)


def _snapshots(found: Found) -> Finding:
    wrong = []
    for name, back_order in found.back_orders.items():
        snapshot, last = found.snapshots.get(name), back_order.last
        if snapshot is None or any(snapshot[each] != last[each] for each in ("version", "quantity", "status")):
            wrong.append(name)
    named = found.snapshots.keys() | {outcome["back_order_id"] for outcome in found.outcomes.values()}
    wrong += [f"{name} has no events" for name in sorted(named - found.back_orders.keys())]
    return number("back orders whose snapshot is the newest state", len(found.back_orders), len(found.snapshots), wrong)
