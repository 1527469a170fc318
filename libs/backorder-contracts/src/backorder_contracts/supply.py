"""`supply`: what there is, what is coming, and what does not add up, per lane."""

from typing import Annotated, ClassVar

from pydantic import Field

from backorder_contracts.fields import (
    Identifier,
    Level,
    Name,
    Published,
    PublishedTime,
    Quantity,
    Text,
    Time,
    Units,
    Version,
    open_values,
)
from backorder_contracts.state import Cause
from backorder_contracts.stock import ShippedLine

_Tuple = Field(strict=False)


class Source(Published):
    """Where the upstream record stands."""

    topic: Annotated[str, Field(min_length=1, max_length=249)]
    """Its topic."""
    partition: Annotated[int, Field(ge=0)]
    """Its partition."""
    offset: Annotated[int, Field(ge=0)]
    """Its offset."""


class StockPositioned(Published):
    """The stock position of a lane after a record of the warehouse system."""

    ce_type: ClassVar[str] = "stock.positioned"

    part_id: Identifier
    """The part."""
    location_id: Identifier
    """The location."""
    on_hand: Level
    """Units on hand by the newest version."""
    version: Version
    """The version of the record; older than the newest when `moved` is false."""
    reason: Annotated[
        Name,
        open_values("received", "shipped", "counted", "adjusted", "returned", "scrapped", "transferred"),
    ]
    """Why the stock changed. Tolerate others."""
    quantity: Quantity | None = None
    """By how many units, as the warehouse said."""
    delivery_id: Identifier | None = None
    """The supplier delivery that the units came with."""
    shipped: Annotated[tuple[ShippedLine, ...], _Tuple] = ()
    """Order lines whose units left; counted once per version of the lane."""
    occurred_at: Time
    """When the stock changed."""
    moved: bool
    """False: a late version that moved no level and only counted its shipments."""
    source: Source
    """The record that said so."""
    cause: Cause
    """The event that said so."""


class InboundDelivery(Published):
    """An open supplier delivery of a lane, and when it is expected."""

    delivery_id: Identifier
    """The delivery."""
    supplier_id: Identifier
    """The supplier."""
    status: Annotated[Name, open_values("promised", "revised", "shipped", "received", "cancelled")]
    """How far it is. Tolerate others."""
    quantity: Quantity
    """Units in all."""
    received_quantity: Units
    """Units received."""
    open_quantity: Units
    """Units still to come."""
    version: Version
    """The version of the delivery."""
    promised_at: PublishedTime
    """What the supplier promises now."""
    first_promised_at: PublishedTime
    """What the supplier promised first."""
    p50: PublishedTime
    """When it is expected, by the supplier's history: as likely before as after."""
    p90: PublishedTime
    """The cautious date: nine times of ten before."""
    overdue: bool = False
    """Whether the promised time has passed."""


class InboundScheduled(Published):
    """All open deliveries of a lane; a delivery that is not listed any more is received or cancelled."""

    ce_type: ClassVar[str] = "inbound.scheduled"

    part_id: Identifier
    """The part."""
    location_id: Identifier
    """The location."""
    deliveries: Annotated[tuple[InboundDelivery, ...], _Tuple]
    """The open deliveries, by p50 and then delivery_id."""
    cause: Cause
    """What changed them."""


class SupplyDiscrepancy(Published):
    """Something about the supply of a lane that people should look at."""

    ce_type: ClassVar[str] = "supply.discrepancy"

    part_id: Identifier
    """The part."""
    location_id: Identifier
    """The location."""
    kind: Annotated[
        Name,
        open_values(
            "stock-feed-stale", "received-not-in-stock", "in-stock-not-announced", "over-delivered", "version-conflict"
        ),
    ]
    """What does not add up. Tolerate others."""
    detail: Text
    """The same in a sentence."""
    delivery_id: Identifier | None = None
    """The delivery concerned."""
    expected: Level | None = None
    """Units that there should be."""
    found: Level | None = None
    """Units that there are."""
    since: Time
    """Since when."""
