"""Everyday business: orders, deliveries, cancellations, and what goes wrong in every integration."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from random import Random

from backorder_dev.demo.acts import (
    Act,
    Announce,
    CancelOrder,
    Despatch,
    OrderLine,
    PlaceOrder,
    Receive,
    Recount,
    RepeatOrder,
    RepeatStock,
    Revise,
    Stock,
    Timed,
)
from backorder_dev.demo.catalogue import Catalogue, Part

Lane = tuple[str, str]

_LAST_ORDER = 0.88  # of the play: what is ordered last is still seen through
_LAST_DELIVERY = 0.92
_PLENTY = 0.6  # share of the lanes whose opening stock covers all demand
_NEVER = 0.15  # share of the others that get no delivery: somebody still waits at the end
_CANCELLED = 0.012
_REPEATED = 0.01
_COMPLETE = 0.04
_DOWN = 0.012
_PATIENCE = 6.0


class Trade:
    """Plans the everyday business of one play."""

    def __init__(self, random: Random, catalogue: Catalogue, seconds: float) -> None:
        self._random = random
        self._catalogue = catalogue
        self._seconds = seconds
        self._demand: dict[Lane, int] = defaultdict(int)
        self._deliveries = 0
        self.opening: list[Act] = []
        self.acts: list[Timed] = []

    def plan(self, lines: int) -> None:
        """Plan a play with so many order lines."""
        self._orders(lines)
        for part in self._catalogue.parts:
            for location in part.locations:
                self._supply(part, location)
        lanes = sorted(self._demand)
        for place, lane in enumerate(self._random.sample(lanes, min(len(lanes), 24))):
            kind = Recount if place % 2 else RepeatStock
            self.acts.append(Timed(self._within(0.3, _LAST_DELIVERY), kind(*lane)))

    def _within(self, first: float, last: float) -> float:
        return self._random.uniform(first, last) * self._seconds

    # ── demand ─────────────────────────────────────────────────────────────────────────────────────────

    def _orders(self, lines: int) -> None:
        left, number = lines, 1000
        while left > 0:
            wanted = min(left, self._random.choices((1, 2, 3, 4, 5), (45, 25, 15, 10, 5))[0])
            at = self._within(0.0, _LAST_ORDER)
            order = self._order(f"SO-{number}", wanted)
            self.acts.append(Timed(at, order))
            self._afterwards(at, order)
            left -= len(order.lines)
            number += 1

    def _order(self, order_id: str, lines: int) -> PlaceOrder:
        customer = self._random.choice(self._catalogue.customers)
        parts = self._random.choices(self._catalogue.parts, [part.weight for part in self._catalogue.parts], k=lines)
        distinct = list(dict.fromkeys(parts))
        down = self._random.random() < _DOWN
        ordered = tuple(self._line(str(place), part, down=down) for place, part in enumerate(distinct, 1))
        return PlaceOrder(order_id, customer.customer_id, customer.tier, ordered)

    def _line(self, line_id: str, part: Part, *, down: bool) -> OrderLine:
        random = self._random
        location = random.choice(part.locations)
        quantity = min(12, 1 + int(random.expovariate(0.6)))
        self._demand[part.part_id, location] += quantity
        impact = random.choices(("none", "planned", "degraded"), (80, 12, 8))[0]
        return OrderLine(
            line_id=line_id,
            part_id=part.part_id,
            location_id=location,
            quantity=quantity,
            unit_value=part.unit_value,
            service_impact="down" if down else impact,
            ship_policy="complete" if random.random() < _COMPLETE else "available",
            need_by=round(random.uniform(0.5, 6.0), 2) if random.random() < 0.3 else None,  # noqa: PLR2004
        )

    def _afterwards(self, at: float, order: PlaceOrder) -> None:
        chance = self._random.random()
        if chance < _CANCELLED:
            self.acts.append(Timed(at + self._random.uniform(2, _PATIENCE), CancelOrder(order.order_id)))
        elif chance < _CANCELLED + _REPEATED:
            self.acts.append(Timed(at + self._random.uniform(0.1, _PATIENCE), RepeatOrder(order.order_id)))

    # ── supply ─────────────────────────────────────────────────────────────────────────────────────────

    def _supply(self, part: Part, location: str) -> None:
        random, demand = self._random, self._demand[part.part_id, location]
        share = random.uniform(1.0, 1.4) if random.random() < _PLENTY else random.uniform(0.0, 0.85)
        on_hand = round(demand * share) + (random.randint(0, 5) if share >= 1 else 0)
        self.opening.append(Stock(part.part_id, location, on_hand))
        if on_hand >= demand or random.random() < _NEVER:
            return
        missing = demand - on_hand + random.randint(0, 3)
        first = random.randint(1, missing) if missing > 4 and random.random() < 0.5 else missing  # noqa: PLR2004
        for units in (first, missing - first):
            if units:
                self._delivery(part, location, units)

    def _delivery(self, part: Part, location: str, units: int) -> None:
        """On time, early, late, in parts or not in time at all; half of them are known before the start."""
        random = self._random
        self._deliveries += 1
        name = f"PO-{2000 + self._deliveries}/1"
        kind = random.choices(("on time", "early", "late", "in parts", "missing"), (46, 16, 18, 13, 7))[0]
        days = random.uniform(2, 6) if kind == "early" else random.uniform(0.2, 1.5)
        promise = Announce(name, part.supplier_id, part.part_id, location, units, round(days, 3))
        if random.random() < 0.5:  # noqa: PLR2004
            self.opening.append(promise)
            at = self._within(0.2, _LAST_DELIVERY)
        else:
            self.acts.append(Timed(self._within(0.05, 0.4), promise))
            at = self._within(0.5, _LAST_DELIVERY)
        self.acts.extend(self._arrival(name, kind, units, at))

    def _arrival(self, name: str, kind: str, units: int, at: float) -> Iterator[Timed]:
        random = self._random
        if kind in {"late", "missing"}:
            yield Timed(at * random.uniform(0.85, 0.95), Revise(name, round(random.uniform(2, 5), 3)))
        elif random.random() < 0.4:  # noqa: PLR2004
            yield Timed(at * 0.97, Despatch(name))
        if kind == "missing":
            return
        if kind == "in parts" and units > 1:
            part = random.randint(1, units - 1)
            yield Timed(at * 0.9, Receive(name, part))
            units -= part
        yield Timed(at, Receive(name, units))
