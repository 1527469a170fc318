"""State events as msgspec structs: what the services write, field for field what `state.BackOrderState` reads.

The pydantic models are the contract; these only write it faster. A test holds the two against each other.
"""

from datetime import datetime
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from backorder_contracts.internal import Cause, LineDetail

encode = msgspec.json.Encoder().encode


class Quantities(Struct, frozen=True, gc=False):
    """`state.Quantity`."""

    ordered: int
    covered: int
    back_ordered: int
    allocated: int
    released: int
    shipped: int
    cancelled: int
    waiting: int


class Promised(Struct, frozen=True, gc=False):
    """`state.Promise`."""

    p50: datetime
    p90: datetime
    first_p50: datetime
    revisions: int
    delivery_ids: tuple[str, ...]


class SuppliedUnits(Struct, frozen=True, gc=False):
    """`state.Supplied`."""

    delivery_id: str
    quantity: int


class PassedOverLine(Struct, frozen=True, gc=False):
    """`state_extras.PassedOver`."""

    back_order_id: str
    rank: int
    reason: str


class State(Struct, frozen=True, kw_only=True, gc=False):
    """`state.BackOrderState`; what the type of an event does not have is left out."""

    back_order_id: str
    version: int
    order_id: str
    line_id: str
    part_id: str
    location_id: str
    customer_id: str
    tier: str
    service_impact: str
    ship_policy: str
    unit_value: str | None
    status: str
    quantity: Quantities
    band: str | None
    placed_at: datetime
    opened_at: datetime
    due_at: datetime | None
    need_by: datetime | None
    promise: Promised | None
    policy_version: str | None
    supplied_by: tuple[SuppliedUnits, ...]
    rerouted_from: str | None
    cause: Cause
    changed: dict[str, int] | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    rule: str | UnsetType = UNSET
    rank: int | UnsetType = UNSET
    taken_for: str | UnsetType = UNSET
    passed_over: tuple[PassedOverLine, ...] | UnsetType = UNSET
    passed_over_total: int | UnsetType = UNSET
    refused: dict[str, str | int] | UnsetType = UNSET
    command: dict[str, str | int] | UnsetType = UNSET
    to_location_id: str | UnsetType = UNSET
    to_lane: str | UnsetType = UNSET
    to_back_order_id: str | UnsetType = UNSET
    deliveries: tuple[SuppliedUnits, ...] | UnsetType = UNSET
    durations: dict[str, int] | UnsetType = UNSET


def line_fields(line: LineDetail) -> dict[str, Any]:
    """The fields of a state that never change, from the order line."""
    return {
        "order_id": line.order_id,
        "line_id": line.line_id,
        "part_id": line.part_id,
        "location_id": line.location_id,
        "customer_id": line.customer_id,
        "tier": line.tier,
        "service_impact": line.service_impact,
        "ship_policy": line.ship_policy,
        "unit_value": line.unit_value,
        "placed_at": line.placed_at,
        "need_by": line.need_by,
        "rerouted_from": line.rerouted_from,
    }
