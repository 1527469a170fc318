"""What some events of `back-order-state` say beyond the whole state: why, how long, for whom."""

from typing import Annotated

from pydantic import Field

from backorder_contracts.fields import Identifier, Name, Published, Text, Units, left_out, open_values


class RefusedUnits(Published):
    """What could not be done, and why."""

    units: Units
    """Units that it was asked for and not done; 0 when the wish was not about units."""
    reason: Annotated[
        Name,
        open_values(
            "closed",
            "released",
            "shipped",
            "held",
            "not-held",
            "already-held",
            "nothing-to-release",
            "nothing-to-cancel",
            "unknown-band",
            "same-location",
            "already-there",
        ),
    ]
    """A code. Tolerate others."""


class PassedOver(Published):
    """A back order with a better rank that did not get the units."""

    back_order_id: Identifier
    """The back order."""
    rank: Annotated[int, Field(ge=1)]
    """Its place in the queue of the lane, 1 is first."""
    reason: Annotated[Name, open_values("held", "complete-only", "location-closed")]
    """Why it was passed over. Tolerate others."""


class Command(Published):
    """The command that an event answers."""

    command_id: Identifier
    """The command's id."""
    action: Annotated[Name, open_values("hold", "resume", "expedite", "cancel", "release", "reroute")]
    """What it asked for. Tolerate others."""
    requested_by: Identifier
    """Who asked."""
    reason: Text | None = left_out()
    """Why, in the words of who asked."""


_Seconds = Annotated[int, Field(ge=0)]


class Durations(Published):
    """How long the back order took, in whole seconds since it was opened."""

    total: _Seconds
    """Until it was completed."""
    first_allocated: _Seconds | None = left_out()
    """Until units were first set aside."""
    first_released: _Seconds | None = left_out()
    """Until the warehouse was first told to ship."""
    first_shipped: _Seconds | None = left_out()
    """Until the first units left."""
    held: _Seconds | None = left_out()
    """Of all that, on hold."""
