"""The warehouse: what lies on its shelves, and which order lines it has to ship.

It is the only one that knows the stock. It ships what an order found on the shelf, and what the system tells it to
ship, and never more than there is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import inf
from random import Random
from typing import Any

from backorder_contracts.identity import lane
from backorder_dev.demo.acts import PlaceOrder
from backorder_dev.demo.papers import stamp

_PICK = (2.5, 6.0)  # seconds from order to picking
_SHIP = (0.3, 1.2)  # seconds from release to shipping
_LONG_AGO = -inf


@dataclass(slots=True)
class Shelf:
    """The true stock of a lane. `version` grows with every change."""

    part_id: str
    location_id: str
    level: int = 0
    version: int = 0

    @property
    def lane(self) -> str:
        """The lane."""
        return lane(self.part_id, self.location_id)

    def change(self, level: int, reason: str, at: float, **more: object) -> dict[str, Any]:
        """Set the level and return the data of the record that says so."""
        self.level = level
        self.version += 1
        return {
            "part_id": self.part_id,
            "location_id": self.location_id,
            "on_hand": level,
            "version": self.version,
            "occurred_at": stamp(at),
            "reason": reason,
            **more,
        }


@dataclass(slots=True)
class Job:
    """An order line as the warehouse sees it.

    Attributes:
        covered: units that the order found on the shelf, by the system's word; None while it speaks of no shortage.
        told: units of its back order that the warehouse was told to ship, all in all.
        version: of its back order; 0 while it has none.
        ship_at: when it is to be shipped what it was told last.
        moved_at: when something of it left last.
        cancelled_at: when it was cancelled last; None: never.
        kept: of a line that was cancelled whole, the covered units that had left before.
    """

    order_id: str
    line_id: str
    lane: str
    quantity: int
    complete: bool
    placed_at: float
    pick_at: float
    shipped: int = 0
    covered: int | None = None
    told: int = 0
    version: int = 0
    ship_at: float = _LONG_AGO
    moved_at: float = _LONG_AGO
    cancelled_at: float | None = None
    kept: int | None = None

    def due(self, now: float, tide: float, *, picking: bool) -> int:
        """Units to ship now. What was published until `tide` the system has taken in and answered."""
        if self.placed_at > tide or (self.cancelled_at is not None and self.cancelled_at > tide):
            return 0  # it may still say that some of the line is missing, or no longer wanted
        told = self.told if now >= self.ship_at else 0
        # a customer who wants all at once gets what was on the shelf with the rest
        waits = self.complete and self.version > 0
        picked = picking and now >= self.pick_at and not waits
        return max(0, (self._cover if picked or told else 0) + told - self.shipped)

    @property
    def _cover(self) -> int:
        if self.kept is not None:
            return self.kept
        return self.quantity if self.covered is None else self.covered

    def hear(self, version: int, quantity: dict[str, int], now: float, delay: float) -> None:
        """Take note of the state of the line's back order."""
        if version <= self.version:
            return
        self.version = version
        self.covered = quantity["covered"]
        told = quantity["released"] + quantity["shipped"]
        if told > self.told:
            self.told, self.ship_at = told, now + delay

    def cancel(self, units: int | None, now: float) -> None:
        """Ship no more than what is left of it; None: nothing but what the system insists on."""
        self.cancelled_at = now
        if units is None:
            self.kept = min(self._cover, self.shipped)
        else:
            self.quantity -= units

    @property
    def done(self) -> bool:
        """Whether nothing will ever be due again."""
        return self.shipped >= self.quantity

    def at_rest(self, tide: float) -> bool:
        """Whether nothing is due of it, now or later, by all that the system has said until `tide`."""
        heard = self.placed_at <= tide and (self.cancelled_at is None or self.cancelled_at <= tide)
        return heard and not self.due(inf, tide, picking=True)


class Warehouse:
    """All shelves, and the lines to ship from them."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._shelves: dict[str, Shelf] = {}
        self._jobs: dict[tuple[str, str], Job] = {}
        self._orders: dict[str, list[Job]] = defaultdict(list)
        self.short_picks: dict[str, int] = {}

    def shelf(self, part_id: str, location_id: str) -> Shelf:
        """The shelf of a lane; empty when it is new."""
        return self._shelves.setdefault(lane(part_id, location_id), Shelf(part_id, location_id))

    def take_order(self, order: PlaceOrder, now: float) -> None:
        """Note the lines of an order."""
        for line in order.lines:
            job = Job(
                order_id=order.order_id,
                line_id=line.line_id,
                lane=lane(line.part_id, line.location_id),
                quantity=line.quantity,
                complete=line.ship_policy == "complete",
                placed_at=now,
                pick_at=now + self._random.uniform(*_PICK),
            )
            self._jobs[order.order_id, line.line_id] = job
            self._orders[order.order_id].append(job)

    def hear(self, state: dict[str, Any], now: float) -> None:
        """Take note of a `back-order-state` event."""
        job = self._jobs.get((state["order_id"], state["line_id"]))
        if job is not None:
            job.hear(state["version"], state["quantity"], now, self._random.uniform(*_SHIP))

    def may_cancel(self, order_id: str, tide: float) -> bool | None:
        """Whether an order can be cancelled now; None when nothing of it is left to cancel.

        Not while the system may not have seen what was shipped of it: a shipment and a cancellation of the same
        units have no right order then.
        """
        jobs = self._orders[order_id]
        if all(job.shipped >= job.quantity for job in jobs):
            return None
        return all(job.placed_at <= tide and job.moved_at <= tide for job in jobs)

    def cancel(self, order_id: str, units: int | None, now: float) -> None:
        """Note a cancellation: of the whole order, or of `units` of its first line."""
        jobs = self._orders[order_id]
        for job in jobs if units is None else jobs[:1]:
            job.cancel(units, now)

    def ship(self, now: float, tide: float, closed: Iterable[str] = ()) -> Iterator[dict[str, Any]]:
        """Ship what is due, one record per lane; in `closed` lanes nobody picks what orders found on the shelf."""
        shut = set(closed)
        loads: dict[str, list[tuple[Job, int]]] = defaultdict(list)
        for job in self._jobs.values():
            if not job.done and (units := job.due(now, tide, picking=job.lane not in shut)):
                loads[job.lane].append((job, units))
        for where, load in loads.items():
            yield from self._load(self._shelves[where], load, now)

    def _load(self, shelf: Shelf, load: list[tuple[Job, int]], now: float) -> Iterator[dict[str, Any]]:
        left, shipped = shelf.level, []
        for job, wanted in load:
            units = min(wanted, left)
            if units < wanted:
                self.short_picks[shelf.lane] = max(self.short_picks.get(shelf.lane, 0), wanted - units)
            if units:
                left -= units
                job.shipped += units
                job.moved_at = now
                shipped.append({"order_id": job.order_id, "line_id": job.line_id, "quantity": units})
        if shipped:
            yield shelf.change(left, "shipped", now, quantity=shelf.level - left, shipped=shipped)

    def at_rest(self, tide: float) -> bool:
        """Whether nothing is left to ship, now or later, by all that the system has said."""
        return all(job.done or job.at_rest(tide) for job in self._jobs.values())
