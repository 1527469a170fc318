"""`stock-changed`: what the warehouse system publishes."""

from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from backorder_contracts.fields import Identifier, Input, Level, Name, Quantity, Time, Version, open_values
from backorder_contracts.refusal import shown


class ShippedLine(Input):
    """Units of one order line that left the warehouse."""

    order_id: Identifier
    """The order."""
    line_id: Identifier
    """Its line."""
    quantity: Quantity
    """Units that left."""


class StockChanged(Input):
    """The stock of a part at a location changed. Identity: (`part_id`, `location_id`, `version`).

    A version at or below the newest seen does not move the level. A reason that we do not know is a plain
    change of the level: the level is true whatever it is called.
    """

    ce_type: ClassVar[str] = "stock.changed"

    part_id: Identifier
    """The part."""
    location_id: Identifier
    """The location."""
    on_hand: Level
    """Units on hand after the change."""
    version: Version
    """Grows with every change of this part at this location; gaps are allowed."""
    occurred_at: Time
    """When the stock changed."""
    reason: Annotated[
        Name,
        open_values("received", "shipped", "counted", "adjusted", "returned", "scrapped", "transferred"),
    ]
    """Why the stock changed."""
    quantity: Quantity | None = None
    """By how many units, where the warehouse knows it. Information only: `on_hand` counts."""
    delivery_id: Identifier | None = None
    """With reason `received`: the supplier delivery that the units came with."""
    shipped: Annotated[tuple[ShippedLine, ...], Field(strict=False)] | None = None
    """With reason `shipped`: whose units left. Counts once per version, even when it arrives late."""

    @model_validator(mode="after")
    def _shipped_only_when_shipped(self) -> Self:
        if self.shipped and self.reason != "shipped":
            # to ignore it would lose a shipment without a word
            raise PydanticCustomError(
                "invalid-field",
                "shipped: lines may be named only with reason shipped, not {reason}",
                {"reason": shown(self.reason)},
            )
        return self
