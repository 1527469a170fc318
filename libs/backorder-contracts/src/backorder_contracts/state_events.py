"""The event types of `back-order-state`: what each means, and which extras it has."""

from collections.abc import Mapping
from typing import Final, NamedTuple


class StateEvent(NamedTuple):
    """What one `ce_type` of `back-order-state` means, and the extras that it has or may have."""

    meaning: str
    has: tuple[str, ...] = ()
    may_have: tuple[str, ...] = ()


_WHY: Final = ("reason", "rule", "rank")
_ANSWER: Final = ("changed", "reason", "command")

STATE_EVENTS: Final[Mapping[str, StateEvent]] = {
    "back-order.opened": StateEvent(
        "An order line lacks stock for the first time: too little when it was placed, or its cover was lost "
        "later (see `cause`). Always version 1.",
        may_have=("changed", "reason"),
    ),
    "back-order.increased": StateEvent(
        "More of a line that already has a back order lost its cover.", ("changed",), ("reason",)
    ),
    "back-order.prioritised": StateEvent("Band or rank was set or changed.", may_have=("changed", "command", *_WHY)),
    "back-order.promised": StateEvent(
        "A promise was first given, or moved by more than the policy's tolerance.",
        may_have=("changed", "reason"),
    ),
    "back-order.allocated": StateEvent(
        "Units on hand were set aside.",
        ("changed", *_WHY),
        ("passed_over", "passed_over_total", "deliveries"),
    ),
    "back-order.revoked": StateEvent(
        "Units that were set aside were taken back.",
        ("changed", *_WHY),
        ("taken_for", "passed_over", "passed_over_total"),
    ),
    "back-order.released": StateEvent(
        "The warehouse may ship units.", ("changed",), ("reason", "command", "deliveries")
    ),
    "back-order.shipped": StateEvent(
        "Units left, with the deliveries that supplied them.", ("changed", "deliveries"), ("reason",)
    ),
    "back-order.completed": StateEvent(
        "Nothing is left to ship or cancel. Carries durations and linked deliveries.",
        ("durations", "deliveries"),
        ("changed", "reason"),
    ),
    "back-order.cancelled": StateEvent("Units are no longer wanted.", ("changed",), ("reason", "command")),
    "back-order.cancel-refused": StateEvent(
        "A cancellation came too late for some units.", ("refused",), ("changed", "reason", "command")
    ),
    "back-order.held": StateEvent("The back order was put on hold.", ("command",), ("changed", "reason")),
    "back-order.resumed": StateEvent("The hold ended.", ("command",), ("changed", "reason")),
    "back-order.rerouted": StateEvent(
        "Ends a back order: what was not released is to come from another location.",
        ("to_location_id", "to_lane"),
        (*_ANSWER, "to_back_order_id"),
    ),
    "back-order.command-refused": StateEvent(
        "A command could not be carried out; the state is as it was.",
        ("refused", "command"),
        ("changed", "reason"),
    ),
    "back-order.at-risk": StateEvent("The promise passes `due_at`.", may_have=("changed", "reason", "rank")),
    "back-order.breached": StateEvent(
        "`due_at` has passed, and the back order is not filled.", may_have=("changed", "reason", "rank")
    ),
}
