"""Events of the supply topic as msgspec structs: what this service writes, field for field what `supply` reads.

The pydantic models are the contract; these only write it faster. A test holds the two against each other.
"""

from datetime import datetime

import msgspec
from msgspec import Struct

from backorder_contracts.internal import Cause

encode = msgspec.json.Encoder().encode


class Shipped(Struct, frozen=True):
    """`stock.ShippedLine`."""

    order_id: str
    line_id: str
    quantity: int


class Source(Struct, frozen=True):
    """`supply.Source`."""

    topic: str
    partition: int
    offset: int


class Positioned(Struct, frozen=True, kw_only=True):
    """`supply.StockPositioned`."""

    part_id: str
    location_id: str
    on_hand: int
    version: int
    reason: str
    quantity: int | None
    delivery_id: str | None
    shipped: tuple[Shipped, ...]
    occurred_at: datetime
    moved: bool
    source: Source
    cause: Cause


class Inbound(Struct, frozen=True, kw_only=True):
    """`supply.InboundDelivery`."""

    delivery_id: str
    supplier_id: str
    status: str
    quantity: int
    received_quantity: int
    open_quantity: int
    version: int
    promised_at: datetime
    first_promised_at: datetime
    p50: datetime
    p90: datetime
    overdue: bool


class Scheduled(Struct, frozen=True, kw_only=True):
    """`supply.InboundScheduled`."""

    part_id: str
    location_id: str
    deliveries: tuple[Inbound, ...]
    cause: Cause


class Discrepancy(Struct, frozen=True, kw_only=True):
    """`supply.SupplyDiscrepancy`."""

    part_id: str
    location_id: str
    kind: str
    detail: str
    delivery_id: str | None
    expected: int
    found: int
    since: datetime
