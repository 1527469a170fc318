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
            "already-released",
            "released",
            "shipped",
            "held",
            "already-held",
            "not-held",
            "nothing-allocated",
            "nothing-to-cancel",
            "not-enough",
            "bad-quantity",
            "unknown-action",
            "unknown-band",
            "missing-band",
            "missing-location",
            "same-location",
            "already-there",
            "rerouted-before",
            "wrong-lane",
        ),
    ]
    """A code. Tolerate others."""
    detail: Text | None = left_out()
    """The same in a sentence for people, with what would have been possible."""


class PassedOver(Published):
    """A back order with a better rank that did not get the units."""

    back_order_id: Identifier
    """The back order."""
    rank: Annotated[int, Field(ge=1)]
    """Its place in the queue of the lane, 1 is first."""
    reason: Annotated[Name, open_values("held", "cannot-be-completed", "promise-kept")]
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
    """How long the back order took, in whole seconds; a step that was skipped is left out."""

    total: _Seconds
    """From the opening of the back order to its end."""
    since_placed: _Seconds | None = left_out()
    """From the placing of the order to the end."""
    waiting: _Seconds | None = left_out()
    """From the opening until, for the last time, all that was left was set aside."""
    releasing: _Seconds | None = left_out()
    """From there to the last release."""
    shipping: _Seconds | None = left_out()
    """From the last release to the end."""
