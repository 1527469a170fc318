"""`order-placed` and `order-cancelled`: what the order system publishes."""

from collections.abc import Sequence
from typing import Annotated, ClassVar, Protocol, TypeVar

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from backorder_contracts.fields import (
    Decimal,
    Identifier,
    Input,
    Quantity,
    ServiceImpact,
    ShipPolicy,
    Text,
    Tier,
    Time,
    TimeOrDate,
)
from backorder_contracts.refusal import shown

MAX_LINES = 1_000


class Customer(Input):
    """Who ordered: an id only, addresses never travel in events."""

    customer_id: Identifier
    """The customer's id in the order system."""
    tier: Tier = "standard"
    """How much the customer's contract weighs; the policy may rank by it."""


class OrderLine(Input):
    """One part in one order, wanted from one location."""

    line_id: Identifier
    """Unique inside the order."""
    part_id: Identifier
    """The part that is ordered."""
    location_id: Identifier = "MAIN"
    """The location that is to deliver."""
    quantity: Quantity
    """Units ordered."""
    need_by: TimeOrDate | None = None
    """When the customer needs the units: a time, or a date that stands for the midnight (UTC) that ends it."""
    service_impact: ServiceImpact = "none"
    """What the missing part means for the customer's machine."""
    ship_policy: ShipPolicy = "available"
    """`available`: ship what there is; `complete`: only all units at once."""
    unit_value: Decimal | None = None
    """The value of one unit as a decimal number in a string, such as "129.90"."""


class CancelledLine(Input):
    """A line of which the customer wants less, or nothing."""

    line_id: Identifier
    """The line of the order."""
    quantity: Quantity | None = None
    """Units no longer wanted; left out: all that is left of the line."""


class _Numbered(Protocol):
    @property
    def line_id(self) -> str: ...


L = TypeVar("L", bound=Sequence[_Numbered])


def each_line_once(lines: L) -> L:
    """These lines. Raises `PydanticCustomError`: one stands there twice."""
    if len(lines) > 1 and len({line.line_id for line in lines}) < len(lines):
        seen: set[str] = set()
        for line in lines:
            if line.line_id in seen:
                raise PydanticCustomError(
                    "duplicate-line", "line_id {line_id} stands there twice", {"line_id": shown(line.line_id)}
                )
            seen.add(line.line_id)
    return lines


_Lines = Field(min_length=1, max_length=MAX_LINES, strict=False)


class OrderPlaced(Input):
    """An order was placed. Identity: `order_id`; published again, it changes nothing."""

    ce_type: ClassVar[str] = "order.placed"

    order_id: Identifier
    """The order's id in the order system."""
    placed_at: Time
    """When the customer placed the order."""
    customer: Customer
    """Who placed it."""
    lines: Annotated[tuple[OrderLine, ...], _Lines, AfterValidator(each_line_once)]
    """1 to 1,000 lines, each `line_id` once. One bad line refuses the whole order."""


class OrderCancelled(Input):
    """A customer wants an order, or parts of it, no more. Identity: `ce_id`. May arrive before its order."""

    ce_type: ClassVar[str] = "order.cancelled"

    order_id: Identifier
    """The order."""
    cancelled_at: Time
    """When it was cancelled."""
    lines: Annotated[tuple[CancelledLine, ...], _Lines, AfterValidator(each_line_once)] | None = None
    """The lines concerned, each once; left out: the whole order, but no line that comes later and was placed after
    `cancelled_at`."""
    reason: Text | None = None
    """Why, for people."""
