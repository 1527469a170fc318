"""Nothing is sold twice, nothing lies idle, nothing is forgotten: lane by lane, at rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from backorder_dev.demo.account import Account
from backorder_dev.demo.checks.finding import Finding, all_of, none_of, number
from backorder_dev.demo.found import Found


def check(account: Account, found: Found, short_picks: Mapping[str, int]) -> Iterator[Finding]:
    """Oversell, idle stock, who waits, what was told to the warehouse."""
    wanted = account.wanted_by_lane()
    waiting = _sum(found, "waiting")
    promised = {where: wanted[where] - waiting[where] for where in account.levels}
    on_hand = {where: level.on_hand for where, level in account.levels.items()}
    yield all_of(
        "lanes where no more is covered, allocated and released than is there",
        len(on_hand),
        [f"{where}: {promised[where]} of {units}" for where, units in on_hand.items() if promised[where] > units],
    )
    yield all_of(
        "lanes where nothing lies idle while somebody waits",
        len(on_hand),
        [
            f"{where}: {units - promised[where]} idle, {waiting[where]} wait"
            for where, units in on_hand.items()
            if promised[where] < units and waiting[where]
        ],
    )
    expected = {where: max(0, wanted[where] - units) for where, units in on_hand.items()}
    yield number(
        "units that still wait (ordered, not shipped, not on the shelf)",
        sum(expected.values()),
        sum(waiting.values()),
        [f"{where}: {waiting[where]} not {units}" for where, units in expected.items() if waiting[where] != units],
    )
    yield none_of(
        "units that the warehouse was told to ship and did not have",
        [f"{where}: {units}" for where, units in short_picks.items()],
    )
    yield none_of(
        "back orders with released units that were never shipped",
        [each.back_order_id for each in found.back_orders.values() if each.units["released"]],
    )
    yield none_of(
        "back orders with units set aside that could ship",
        [
            each.back_order_id
            for each in found.back_orders.values()
            if each.units["allocated"] and not (each.last["ship_policy"] == "complete" and each.units["waiting"])
        ],
    )


def _sum(found: Found, part: str) -> Counter[str]:
    units: Counter[str] = Counter()
    for each in found.back_orders.values():
        units[each.lane] += each.units[part]
    return units
