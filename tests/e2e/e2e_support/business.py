"""A seeded parts business for a run under load: what it publishes, and what it knows of that.

Everything here is from outside: the records, and who ordered, cancelled, received and lost what.
"""

import json
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from backorder_runtime.outbox import Wire
from e2e_support.upstream import cancellation, delivery, line, order
from e2e_support.warehouse import Key, Lane, Warehouse

REASON = "x-refused"  # names, on a record that must be refused, the reason of its dead letter
BROKEN = (b'{"order_id": "X-', b"[]", b"", b"\xff\xfe", b'{"order_id": "X-1", "version": 1}')
REASONS = {b"[]": "not-an-object", b"": "empty", BROKEN[4]: "missing-field"}
INPUTS = ("order-placed", "order-cancelled", "stock-changed", "supplier-delivery")
CUSTOMERS = 20
WITH_MAIL = 15
Wanted = tuple[str, Sequence[tuple[Lane, int]]]
"""An order by its name, and the units that it wants, line by line."""


@dataclass
class Ordered:
    """An order line. `asked` is what a cancellation asks for: units, all ("all"), or nothing (None)."""

    lane: Lane
    quantity: int
    asked: int | str | None = None


@dataclass
class Coming:
    """A supplier delivery that is announced and not received."""

    name: str
    lane: Lane
    units: int
    version: int = 1


@dataclass
class Business:
    """Orders on some lanes, tick after tick; every record is kept, so that it can be published again."""

    draw: random.Random
    lanes: list[Lane]
    lines: dict[Key, Ordered] = field(default_factory=dict)
    published: list[Wire] = field(default_factory=list)
    counted: Counter[str] = field(default_factory=Counter)
    later: dict[int, list[Wire]] = field(default_factory=lambda: defaultdict(list))
    coming: list[Coming] = field(default_factory=list)
    deliveries: dict[str, tuple[int, str]] = field(default_factory=dict)
    tick_number: int = 0
    order_number: int = 0

    def __post_init__(self) -> None:
        self.warehouse = Warehouse(self.lanes)
        self.placed_at = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=10)

    def tick(self, orders: int) -> list[Wire]:
        """What the business publishes at once: so many orders, and what goes with them, in any order."""
        self.tick_number += 1
        wires = self.later.pop(self.tick_number, [])
        for _ in range(orders):
            wires += self._order()
        for _ in range(4):
            wires += self._supply(self.draw.choice(self.lanes))
        if self.draw.random() < 0.3:
            lane = self.draw.choice(self.lanes)
            if lost := self.draw.randint(0, self.warehouse.on_hand[lane]):
                wires.append(self._wire("stock-changed", self.warehouse.change(lane, -lost, "scrapped")))
        wires += [self._wire("stock-changed", self.warehouse.change(lane, 0, "counted")) for lane in self._some(2)]
        if self.draw.random() < 0.3:
            wires.append(self._bad())
        return self._with_repetitions(wires)

    def rest(self) -> list[Wire]:
        """What was put off."""
        waiting = [wire for wires in self.later.values() for wire in wires]
        self.later.clear()
        return self._with_repetitions(waiting)

    def publish_shipments(self, picks: Iterable[tuple[Lane, list[tuple[Key, int]]]]) -> list[Wire]:
        return self._with_repetitions([self._wire("stock-changed", self.warehouse.ship(*each)) for each in picks])

    def publish_commands(self, commands: Iterable[dict[str, Any]]) -> list[Wire]:
        return self._with_repetitions([self._wire("back-order-command", each) for each in commands])

    def publish_probe(self, order_id: str, lanes: list[Lane], customer: str) -> list[Wire]:
        """An order for one unit in each of these lanes, and a count of the stock in each."""
        return self.publish_burst([(order_id, [(lane, 1) for lane in lanes])], [], lanes, customer)

    def publish_burst(
        self, orders: Iterable[Wanted], receipts: Iterable[tuple[Lane, int]], counts: Iterable[Lane], customer: str
    ) -> list[Wire]:
        """These orders at once, units that come in, and lanes that are counted, in any order."""
        wires = [self._placed(*each, customer) for each in orders]
        changes = [self.warehouse.change(lane, units, "received") for lane, units in receipts]
        changes += [self.warehouse.change(lane, 0, "counted") for lane in counts]
        return self._with_repetitions([*wires, *(self._wire("stock-changed", each) for each in changes)])

    def _placed(self, order_id: str, wanted: Sequence[tuple[Lane, int]], customer: str) -> Wire:
        self.lines.update({(order_id, str(n)): Ordered(*each) for n, each in enumerate(wanted, 1)})
        lines = [line(lane[0], units, lane[1]) for lane, units in wanted]
        return self._wire("order-placed", order(order_id, *lines, customer=customer, at=self.placed_at.isoformat()))

    def receive_all_that_lacks(self) -> list[Wire]:
        """Receipts after which the stock of every lane is enough for all its lines."""
        lacking = self._lacking().items()
        return [self._wire("stock-changed", self.warehouse.change(lane, units, "received")) for lane, units in lacking]

    def stock_wave(self, counts: int) -> list[Wire]:
        """Receipts for half of what each lane lacks, and so many counts of every lane, in any order."""
        lacking = self._lacking().items()
        changes = [self.warehouse.change(lane, (units + 1) // 2, "received") for lane, units in lacking]
        changes += [self.warehouse.change(lane, 0, "counted") for _ in range(counts) for lane in self.lanes]
        return self._with_repetitions([self._wire("stock-changed", change) for change in changes])

    def _lacking(self) -> dict[Lane, int]:
        """By how many units the stock of a lane is too little for all its lines."""
        open_units: Counter[Lane] = Counter()
        for key, ordered in self.lines.items():
            open_units[ordered.lane] += ordered.quantity - self.warehouse.sent[key]
        return dict(open_units - self.warehouse.on_hand)

    def _some(self, count: int) -> list[Lane]:
        return self.draw.sample(self.lanes, count)

    def _order(self) -> list[Wire]:
        self.order_number += 1
        order_id, draw = f"SO-{self.order_number}", self.draw
        lanes = [draw.choice(self.lanes) for _ in range(draw.randint(1, 5))]
        lines = []
        for n, lane in enumerate(lanes, 1):
            units = draw.randint(1, 6)
            self.lines[order_id, str(n)] = Ordered(lane, units)
            impact = "down" if draw.random() < 0.08 else "none"
            policy = "complete" if draw.random() < 0.1 else "available"
            lines.append(line(lane[0], units, lane[1], service_impact=impact, ship_policy=policy))
        tier = draw.choice(["standard", "standard", "silver", "gold"])
        customer = f"C-{draw.randrange(CUSTOMERS)}"
        placed = order(order_id, *lines, customer=customer, tier=tier, at=self.placed_at.isoformat())
        wires = [self._wire("order-placed", placed, key=order_id.encode())]
        if draw.random() < 0.06:
            # under the same key, so that it is the later one; with the same lanes, so that they decide
            other = {**placed, "lines": [{**each, "quantity": each["quantity"] + 1} for each in placed["lines"]]}
            conflict = self._wire("order-placed", other, key=order_id.encode(), reason="conflicting-duplicate")
            self._put_off(conflict, draw.randint(1, 5))
        elif draw.random() < 0.12:
            return self._cancel(order_id, len(lines), wires)
        return wires

    def _cancel(self, order_id: str, lines: int, placed: list[Wire]) -> list[Wire]:
        """Cancel some of an order, before, with or after it."""
        what = self.draw.choice(["order", "line", "unit"])
        line_id = str(self.draw.randint(1, lines))
        named = {"order": [], "line": [{"line_id": line_id}], "unit": [{"line_id": line_id, "quantity": 1}]}[what]
        for key in [(order_id, str(n)) for n in range(1, lines + 1)] if what == "order" else [(order_id, line_id)]:
            self.lines[key].asked = 1 if what == "unit" else "all"
        at = self.placed_at.isoformat()  # what is placed later than that is wanted
        wire = self._wire("order-cancelled", cancellation(order_id, *named, cancelled_at=at))
        when = self.draw.choice(["before", "with", "after", "after"])
        if when == "before":
            for each in placed:
                self._put_off(each, self.draw.randint(1, 5))
            return [wire]
        if when == "with":
            return [*placed, wire]
        self._put_off(wire, self.draw.randint(1, 15))
        return placed

    def _supply(self, lane: Lane) -> list[Wire]:
        """Announce a delivery, or let one come: later than promised, or as promised."""
        draw = self.draw
        mine = [each for each in self.coming if each.lane == lane]
        if not mine:
            new = Coming(f"PO-{len(self.deliveries)}", lane, draw.randint(5, 30))
            self.coming.append(new)
            return [self._delivery(new, "promised")]
        if draw.random() < 0.25:
            mine[0].version += 1
            return [self._delivery(mine[0], "revised")]
        self.coming.remove(mine[0])
        mine[0].version += 1
        came = self.warehouse.change(lane, mine[0].units, "received", delivery_id=mine[0].name)
        return [self._wire("stock-changed", came), self._delivery(mine[0], "received")]

    def _delivery(self, coming: Coming, status: str) -> Wire:
        self.deliveries[coming.name] = (coming.version, status)
        event = delivery(
            coming.name,
            coming.lane[0],
            coming.units,
            coming.version,
            location_id=coming.lane[1],
            status=status,
            received_quantity=coming.units if status == "received" else 0,
            promised_at=(self.placed_at + timedelta(days=3 + coming.version)).isoformat(),
            occurred_at=self.placed_at.isoformat(),
        )
        return self._wire("supplier-delivery", event)

    def _bad(self) -> Wire:
        value = self.draw.choice(BROKEN)
        return self._wire(self.draw.choice(INPUTS[:3]), value, reason=REASONS.get(value, "not-json"))

    def _wire(self, topic: str, event: Any, *, key: bytes | None = None, reason: str | None = None) -> Wire:
        value = event if isinstance(event, bytes) else json.dumps(event).encode()
        headers = () if reason is None else ((REASON, reason.encode()),)
        return Wire(topic, key or self._any_key(), value, headers)

    def _any_key(self) -> bytes | None:
        return self.draw.choice([None, b"", self.draw.randbytes(4), b"erp"])

    def _put_off(self, wire: Wire, ticks: int) -> None:
        self.later[self.tick_number + ticks].append(wire)

    def _with_repetitions(self, wires: list[Wire]) -> list[Wire]:
        """These and, for every tenth, one that was published before, under another key."""
        self.counted.update(wire.topic for wire in wires)
        again = []
        for _ in wires:
            if self.published and self.draw.random() < 0.1:
                old = self.draw.choice(self.published)
                again.append(Wire(old.topic, self._any_key(), old.value, old.headers))
        self.counted["repeated"] += len(again)
        self.published += [wire for wire in wires if not wire.headers]
        mixed = [*wires, *again]
        self.draw.shuffle(mixed)
        return mixed


def lanes_of(parts: int) -> list[Lane]:
    return [(f"K-{n:02}", f"W{at}") for n in range(parts) for at in (1, 2)]
