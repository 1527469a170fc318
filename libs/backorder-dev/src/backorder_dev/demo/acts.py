"""What happens upstream, in the words of the business. `Business` turns these into records."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class OrderLine:
    """A line of an order; `need_by` is in days from now."""

    line_id: str
    part_id: str
    location_id: str
    quantity: int
    unit_value: str
    service_impact: str = "none"
    ship_policy: str = "available"
    need_by: float | None = None


@dataclass(frozen=True, slots=True)
class PlaceOrder:
    """A customer orders."""

    order_id: str
    customer_id: str
    tier: str
    lines: tuple[OrderLine, ...]


@dataclass(frozen=True, slots=True)
class RepeatOrder:
    """The order system publishes an order once more; with `other_quantity` its first line contradicts the first."""

    order_id: str
    other_quantity: int | None = None


@dataclass(frozen=True, slots=True)
class CancelOrder:
    """A customer wants an order no more, or `quantity` units less of its first line."""

    order_id: str
    quantity: int | None = None
    reason: str = "customer changed their mind"


@dataclass(frozen=True, slots=True)
class Stock:
    """The warehouse says what it has of a part: its first word about the lane, or a count."""

    part_id: str
    location_id: str
    on_hand: int


@dataclass(frozen=True, slots=True)
class Recount:
    """A stocktake finds what the books say."""

    part_id: str
    location_id: str


@dataclass(frozen=True, slots=True)
class RepeatStock:
    """The warehouse system publishes its last word about a lane once more."""

    part_id: str
    location_id: str


@dataclass(frozen=True, slots=True)
class Damage:
    """A pallet is damaged: `units` of a part are scrapped."""

    part_id: str
    location_id: str
    units: int


@dataclass(frozen=True, slots=True)
class Announce:
    """A supplier promises a delivery in `days` from now (parts of a day included)."""

    delivery_id: str
    supplier_id: str
    part_id: str
    location_id: str
    quantity: int
    days: float


@dataclass(frozen=True, slots=True)
class Revise:
    """The supplier names another date, in `days` from now."""

    delivery_id: str
    days: float


@dataclass(frozen=True, slots=True)
class Despatch:
    """The supplier has sent the goods."""

    delivery_id: str


@dataclass(frozen=True, slots=True)
class Receive:
    """`units` of a delivery arrive."""

    delivery_id: str
    units: int


@dataclass(frozen=True, slots=True)
class Book:
    """Purchasing books what has arrived of a delivery: a moment after the warehouse."""

    delivery_id: str
    units: int


@dataclass(frozen=True, slots=True)
class CallOff:
    """What is still to come of a delivery will not come."""

    delivery_id: str


@dataclass(frozen=True, slots=True)
class Garbage:
    """A record that breaks the contract, and how it must be refused. `NOW` in the text becomes the time."""

    topic: str
    text: str
    reason: str
    service: str
    ce_type: str | None = None


Act: TypeAlias = (
    PlaceOrder
    | RepeatOrder
    | CancelOrder
    | Stock
    | Recount
    | RepeatStock
    | Damage
    | Announce
    | Revise
    | Despatch
    | Receive
    | Book
    | CallOff
    | Garbage
)


@dataclass(frozen=True, slots=True)
class Timed:
    """An act and its time, in seconds from the start of the play.

    `story` names the scene that it belongs to: within a scene an act waits until the system has taken in the one
    before it, however long that takes.
    """

    at: float
    act: Act
    story: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole play: what there is before the start, and what happens then, in the order of time."""

    opening: tuple[Act, ...]
    acts: tuple[Timed, ...]
    seconds: float
    customers: dict[str, str] = field(default_factory=dict)
    """Customer → tier, of everybody who may order."""
