"""Purchasing: what suppliers have promised, and what has come of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from backorder_dev.demo.acts import Announce
from backorder_dev.demo.papers import stamp

_DAY = 86_400


@dataclass(slots=True)
class Delivery:
    """A delivery and its newest version."""

    announced: Announce
    promised_at: float
    status: str = "promised"
    version: int = 0
    received: int = 0

    def say(self, status: str, at: float) -> dict[str, Any]:
        """Make a new version; returns the data of the record that says so."""
        self.status = status
        self.version += 1
        return {
            "delivery_id": self.announced.delivery_id,
            "supplier_id": self.announced.supplier_id,
            "part_id": self.announced.part_id,
            "location_id": self.announced.location_id,
            "version": self.version,
            "status": status,
            "quantity": self.announced.quantity,
            "received_quantity": self.received,
            "promised_at": stamp(self.promised_at),
            "occurred_at": stamp(at),
        }


class Purchasing:
    """All deliveries."""

    def __init__(self) -> None:
        self._deliveries: dict[str, Delivery] = {}

    def __getitem__(self, delivery_id: str) -> Delivery:
        return self._deliveries[delivery_id]

    def announce(self, act: Announce, at: float) -> dict[str, Any]:
        """A supplier promises."""
        delivery = self._deliveries[act.delivery_id] = Delivery(act, at + act.days * _DAY)
        return delivery.say("promised", at)

    def revise(self, delivery_id: str, days: float, at: float) -> dict[str, Any]:
        """A supplier names another date."""
        delivery = self._deliveries[delivery_id]
        delivery.promised_at = at + days * _DAY
        return delivery.say("revised", at)

    def receive(self, delivery_id: str, units: int, at: float) -> dict[str, Any]:
        """Units arrive; the delivery stays open while some are to come."""
        delivery = self._deliveries[delivery_id]
        delivery.received += units
        whole = delivery.received >= delivery.announced.quantity
        return delivery.say("received" if whole else delivery.status, at)
