"""What upstream systems publish, in the shortest form that the contract allows."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

# what was placed on a fixed day is overdue some days later, and then says so in an event more
_TODAY = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=10)
PLACED = _TODAY.isoformat()
PLACED_BEFORE = (_TODAY - timedelta(hours=1)).isoformat()


def order(
    order_id: str, *lines: Mapping[str, Any], customer: str = "C-1", tier: str = "standard", at: str = PLACED
) -> dict[str, Any]:
    """An order; lines as `line` makes them."""
    numbered = [{"line_id": str(n), **each} for n, each in enumerate(lines, 1)]
    return {
        "order_id": order_id,
        "placed_at": at,
        "customer": {"customer_id": customer, "tier": tier},
        "lines": numbered,
    }


def line(part: str, quantity: int, location: str = "W1", **more: Any) -> dict[str, Any]:
    return {"part_id": part, "location_id": location, "quantity": quantity, **more}


def stock(part: str, on_hand: int, version: int, reason: str = "counted", **more: Any) -> dict[str, Any]:
    return {
        "part_id": part,
        "location_id": more.pop("location", "W1"),
        "on_hand": on_hand,
        "version": version,
        "occurred_at": PLACED,
        "reason": reason,
        **more,
    }


def shipped(order_id: str, line_id: str, quantity: int) -> dict[str, Any]:
    return {"order_id": order_id, "line_id": line_id, "quantity": quantity}


def delivery(delivery_id: str, part: str, quantity: int, version: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "delivery_id": delivery_id,
        "supplier_id": "S-1",
        "part_id": part,
        "location_id": "W1",
        "version": version,
        "status": "promised",
        "quantity": quantity,
        "received_quantity": 0,
        "promised_at": "2030-01-05",
        "occurred_at": PLACED,
        **more,
    }


def cancellation(order_id: str, *lines: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    told: dict[str, Any] = {"order_id": order_id, "cancelled_at": PLACED, **more}
    return {**told, "lines": list(lines)} if lines else told
