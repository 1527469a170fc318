"""How each upstream system writes its records: the three envelopes that the contract accepts.

The order system sends CloudEvents in binary mode, the warehouse bare JSON, purchasing CloudEvents in structured mode.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from backorder_contracts import envelope
from backorder_contracts.fields import format_time
from backorder_contracts.identity import lane
from backorder_dev.demo.acts import Garbage, PlaceOrder
from backorder_dev.demo.records import Publication

_DAY = 86_400


def stamp(at: float) -> str:
    """A time as records carry it; `at` is in seconds since the epoch."""
    return format_time(datetime.fromtimestamp(at, UTC))


def order_placed(order: PlaceOrder, at: float) -> dict[str, Any]:
    """The data of an order."""
    return {
        "order_id": order.order_id,
        "placed_at": stamp(at),
        "customer": {"customer_id": order.customer_id, "tier": order.tier},
        "lines": [
            {
                "line_id": line.line_id,
                "part_id": line.part_id,
                "location_id": line.location_id,
                "quantity": line.quantity,
                "unit_value": line.unit_value,
                "service_impact": line.service_impact,
                "ship_policy": line.ship_policy,
                **({"need_by": stamp(at + line.need_by * _DAY)} if line.need_by is not None else {}),
            }
            for line in order.lines
        ],
    }


def by_order_system(
    ce_type: str,
    event_id: str,
    data: dict[str, Any],
    at: float,
    *,
    refused: str | None = None,
) -> Publication:
    """An order or a cancellation, in binary mode, keyed by order."""
    headers = envelope.write(id=event_id, source="/order-system", type=ce_type, time=datetime.fromtimestamp(at, UTC))
    return Publication(
        topic=ce_type.replace(".", "-"),
        key=data["order_id"],
        value=json.dumps(data).encode(),
        headers=tuple(headers),
        data=data,
        cause_id=event_id,
        refused=refused,
        service="gap-detector" if refused else "",
    )


def by_warehouse(data: dict[str, Any]) -> Publication:
    """A stock level, as bare JSON, keyed by lane."""
    where = lane(data["part_id"], data["location_id"])
    return Publication(
        topic="stock-changed",
        key=where,
        value=json.dumps(data).encode(),
        data=data,
        cause_id=f"{where}/{data['version']}",
    )


def by_purchasing(data: dict[str, Any], at: float) -> Publication:
    """A version of a delivery, in structured mode, keyed by delivery."""
    event_id = f"{data['delivery_id']}/{data['version']}"
    event = {
        "specversion": "1.0",
        "id": event_id,
        "source": "/purchasing-system",
        "type": "supplier.delivery",
        "time": stamp(at),
        "data": data,
    }
    return Publication(
        topic="supplier-delivery",
        key=data["delivery_id"],
        value=json.dumps(event).encode(),
        headers=(("content-type", b"application/cloudevents+json"),),
        data=data,
        cause_id=event_id,
    )


def garbage(act: Garbage, at: float) -> Publication:
    """A record that breaks the contract."""
    headers: tuple[tuple[str, bytes], ...] = ()
    if act.ce_type is not None:
        headers = tuple(
            envelope.write(
                id=f"garbage-{act.reason}", source="/test", type=act.ce_type, time=datetime.fromtimestamp(at, UTC)
            )
        )
    return Publication(
        topic=act.topic,
        key="garbage",
        value=act.text.replace("NOW", stamp(at)).encode(),
        headers=headers,
        refused=act.reason,
        service=act.service,
    )
