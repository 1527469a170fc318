"""`back-order-command`: what a person or a system asks of one back order."""

from typing import ClassVar, Final, Literal, Self, TypeAlias

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from backorder_contracts.fields import Identifier, Input, Name, Quantity, Text

Action: TypeAlias = Literal["hold", "resume", "expedite", "cancel", "release", "reroute"]

# the one field that an action needs or may have; with any other action it is a mistake
_NEEDS: Final = {"expedite": "band", "reroute": "to_location_id"}
_BELONGS: Final = {"band": "expedite", "to_location_id": "reroute", "quantity": "cancel"}


class BackOrderCommand(Input):
    """A wish about one back order. Identity: `ce_id`. Answered by a state event whose `cause` it is."""

    ce_type: ClassVar[str] = "back-order.command"

    command_id: Identifier
    """The command's own id, chosen by who asks."""
    back_order_id: Identifier
    """The back order."""
    part_id: Identifier
    """The part of its lane."""
    location_id: Identifier
    """The location of its lane."""
    action: Action
    """`hold`, `resume`, `expedite` (needs `band`), `cancel`, `release` (now, even if the rules would wait),
    `reroute` (needs `to_location_id`)."""
    requested_by: Identifier
    """Who asks: an id, not a name or an address."""
    reason: Text | None = None
    """Why, for people."""
    band: Name | None = None
    """With `expedite`: the band of the policy that the back order moves to."""
    quantity: Quantity | None = None
    """With `cancel`: how many units; left out: all that can be cancelled."""
    to_location_id: Identifier | None = None
    """With `reroute`: where what is not released is to come from instead."""

    @model_validator(mode="after")
    def _fields_fit_the_action(self) -> Self:
        needed = _NEEDS.get(self.action)
        if needed is not None and getattr(self, needed) is None:
            raise PydanticCustomError(
                "missing-field",
                "{field}: is missing; action {action} needs it",
                {"field": needed, "action": self.action},
            )
        for field, action in _BELONGS.items():
            if action != self.action and getattr(self, field) is not None:
                raise PydanticCustomError(
                    "invalid-field",
                    "{field}: goes only with action {owner}, not with {action}",
                    {"field": field, "owner": action, "action": self.action},
                )
        return self
