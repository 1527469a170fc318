"""The demo's own account, from nothing but what it published itself: the truth that the system is held against."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from backorder_contracts.identity import lane
from backorder_dev.demo.records import Sent

Ref = tuple[str, str]
"""An order and a line of it."""


@dataclass(frozen=True, slots=True)
class OrderedLine:
    """A line as it was ordered."""

    lane: str
    quantity: int
    customer_id: str
    tier: str
    service_impact: str
    complete: bool


@dataclass(slots=True)
class Level:
    """The stock of a lane by its newest version."""

    on_hand: int = 0
    version: int = 0


@dataclass(slots=True)
class Account:
    """What there was to do.

    Attributes:
        lines: every line ordered.
        cancelled: line → units no longer wanted; None: all that was left.
        levels: lane → what lies there in the end.
        stock_records: lane → the versions that were published.
        shipments: line → the units of each time that something of it was shipped.
        brought: lane → delivery → units that came with it.
        deliveries: delivery → its newest version.
        refused: topic, partition, offset → service and reason of the dead letter that must be there.
    """

    lines: dict[Ref, OrderedLine] = field(default_factory=dict)
    cancelled: dict[Ref, int | None] = field(default_factory=dict)
    levels: dict[str, Level] = field(default_factory=lambda: defaultdict(Level))
    stock_records: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    shipments: dict[Ref, list[int]] = field(default_factory=lambda: defaultdict(list))
    brought: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    deliveries: dict[str, dict[str, Any]] = field(default_factory=dict)
    refused: dict[tuple[str, int, int], tuple[str, str]] = field(default_factory=dict)

    @classmethod
    def of(cls, sent: Iterable[Sent]) -> Account:
        """Add up what was published; a record that was published again counts once."""
        account = cls()
        read = {
            "order-placed": account._placed,
            "order-cancelled": account._cancelled,
            "stock-changed": account._stock,
            "supplier-delivery": account._delivery,
        }
        for each in sent:
            record = each.record
            if record.refused is not None:
                account.refused[record.topic, each.partition, each.offset] = (record.service, record.refused)
            elif record.data is not None:
                read[record.topic](record.data)
        return account

    def _placed(self, data: dict[str, Any]) -> None:
        customer = data["customer"]
        for line in data["lines"]:
            ordered = OrderedLine(
                lane=lane(line["part_id"], line["location_id"]),
                quantity=line["quantity"],
                customer_id=customer["customer_id"],
                tier=customer["tier"],
                service_impact=line["service_impact"],
                complete=line["ship_policy"] == "complete",
            )
            self.lines.setdefault((data["order_id"], line["line_id"]), ordered)

    def _cancelled(self, data: dict[str, Any]) -> None:
        order_id = data["order_id"]
        if "lines" not in data:
            self.cancelled.update({ref: None for ref in self.lines if ref[0] == order_id})
            return
        for line in data["lines"]:
            ref = (order_id, line["line_id"])
            before = self.cancelled.get(ref, 0)
            self.cancelled[ref] = None if before is None else before + line["quantity"]

    def _stock(self, data: dict[str, Any]) -> None:
        where, version = lane(data["part_id"], data["location_id"]), data["version"]
        if version in self.stock_records[where]:
            return
        self.stock_records[where].add(version)
        if version > self.levels[where].version:
            self.levels[where] = Level(data["on_hand"], version)
        for shipped in data.get("shipped") or ():
            self.shipments[shipped["order_id"], shipped["line_id"]].append(shipped["quantity"])
        if data["reason"] == "received":
            self.brought[where][data["delivery_id"]] += data["quantity"]

    def _delivery(self, data: dict[str, Any]) -> None:
        known = self.deliveries.get(data["delivery_id"])
        if known is None or known["version"] < data["version"]:
            self.deliveries[data["delivery_id"]] = data

    # ── what follows from it ───────────────────────────────────────────────────────────────────────────

    def shipped(self, ref: Ref) -> int:
        """Units of a line that left."""
        return sum(self.shipments.get(ref, ()))

    def wanted(self, ref: Ref) -> int:
        """Units of a line that are wanted and have not left. Of a line cancelled whole, none."""
        less = self.cancelled.get(ref, 0)
        if less is None:
            return 0
        return max(0, self.lines[ref].quantity - less - self.shipped(ref))

    def wanted_by_lane(self) -> Counter[str]:
        """The same by lane."""
        found: Counter[str] = Counter()
        for ref, line in self.lines.items():
            found[line.lane] += self.wanted(ref)
        return found

    def open_deliveries(self) -> dict[str, int]:
        """Delivery → units still to come."""
        return {
            name: data["quantity"] - data["received_quantity"]
            for name, data in self.deliveries.items()
            if data["status"] not in {"received", "cancelled"} and data["quantity"] > data["received_quantity"]
        }
