"""The usual order, read straight into order lines: what comes of `orders.OrderPlaced`, in less time.

The pydantic model is the contract. Here only that is read which can be seen at once to be within it: text in plain
ASCII, no field that the contract does not know, none twice. All else is left to the contract, so nothing is refused
here. A test holds the two against each other.
"""

from typing import Annotated, Final, TypeAlias

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType
from pydantic_core import PydanticCustomError

from backorder_contracts.envelope import MAX_VALUE_BYTES
from backorder_contracts.fields import (
    DECIMAL,
    MAX_QUANTITY,
    ServiceImpact,
    ShipPolicy,
    Tier,
    parse_time,
    parse_time_or_date,
)
from backorder_contracts.internal import LineDetail
from backorder_contracts.orders import MAX_LINES, Customer, OrderLine, each_line_once

_Identifier: TypeAlias = Annotated[str, Meta(min_length=1, max_length=64)]
_NotSaid: TypeAlias = UnsetType | None  # left out or null: both mean the default


class _Customer(Struct, gc=False):
    customer_id: _Identifier
    tier: Tier | _NotSaid = UNSET


class _Line(Struct, gc=False):
    line_id: _Identifier
    part_id: _Identifier
    quantity: Annotated[int, Meta(ge=1, le=MAX_QUANTITY)]
    location_id: _Identifier | _NotSaid = UNSET
    need_by: Annotated[str, Meta(min_length=1)] | _NotSaid = UNSET
    service_impact: ServiceImpact | _NotSaid = UNSET
    ship_policy: ShipPolicy | _NotSaid = UNSET
    unit_value: Annotated[str, Meta(pattern=DECIMAL)] | _NotSaid = UNSET


class _Order(Struct, gc=False):
    order_id: _Identifier
    placed_at: str
    customer: _Customer
    lines: Annotated[tuple[_Line, ...], Meta(min_length=1, max_length=MAX_LINES)]


_decode: Final = msgspec.json.Decoder(_Order).decode
_encode: Final = msgspec.json.Encoder().encode
_LOCATION: Final = OrderLine.model_fields["location_id"].default
_TIER: Final = Customer.model_fields["tier"].default
_IMPACT: Final = OrderLine.model_fields["service_impact"].default
_POLICY: Final = OrderLine.model_fields["ship_policy"].default


def usual_lines(raw: bytes) -> tuple[LineDetail, ...] | None:
    """The lines of the order in these bytes; None if the contract has to look at it, which says nothing about it."""
    # in ASCII without escapes, DEL is the only character that JSON allows and identifiers do not
    if len(raw) > MAX_VALUE_BYTES or not raw.isascii() or b"\\" in raw or b"\x7f" in raw:
        return None
    try:
        order = _decode(raw)
        # every name and string has two marks: more of them are a name that is not ours, or one that stands there twice
        if raw.count(b'"') != _encode(order).count(b'"'):
            return None
        each_line_once(order.lines)
        return _details(order)
    except (msgspec.DecodeError, RecursionError, PydanticCustomError):
        return None


def _details(order: _Order) -> tuple[LineDetail, ...]:
    placed_at, customer = parse_time(order.placed_at), order.customer
    tier = customer.tier or _TIER
    return tuple(
        LineDetail(
            order.order_id,
            line.line_id,
            line.part_id,
            line.location_id or _LOCATION,
            line.quantity,
            placed_at,
            customer.customer_id,
            tier,
            line.service_impact or _IMPACT,
            line.ship_policy or _POLICY,
            parse_time_or_date(line.need_by) if line.need_by else None,
            line.unit_value or None,
        )
        for line in order.lines
    )
