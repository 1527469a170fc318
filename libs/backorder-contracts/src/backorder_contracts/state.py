"""`back-order-state` and `back-order-snapshot`: everything about a back order, in every event.

One model reads every event of the topic. Which of the extras at its end a given `ce_type` carries stands in
`STATE_EVENTS`; an extra that an event does not carry is left out of its JSON.
"""

from typing import Annotated, ClassVar, Final, Self, TypeAlias

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from backorder_contracts.fields import (
    MAX_QUANTITY,
    Decimal,
    Identifier,
    Name,
    Published,
    PublishedTime,
    ServiceImpact,
    ShipPolicy,
    Tier,
    Time,
    Units,
    Version,
    left_out,
    open_values,
)
from backorder_contracts.fields import Quantity as PositiveUnits
from backorder_contracts.identity import lane
from backorder_contracts.state_events import STATE_EVENTS
from backorder_contracts.state_extras import Command, Durations, PassedOver, RefusedUnits

MAX_LANE: Final = 3 * 64 + 1 + 3 * 64
"""The longest lane: two identifiers in which every character is escaped, and the `@`."""

_Tuple = Field(strict=False)
_Cause = Annotated[str, Field(min_length=1, max_length=512)]


Status: TypeAlias = Annotated[
    Name,
    open_values(
        "open",
        "allocated",
        "partially-allocated",
        "released",
        "shipped",
        "held",
        "completed",
        "cancelled",
        "rerouted",
    ),
]
"""`allocated`: all that waits is set aside; `shipped`: partly. Tolerate others."""


class Cause(Published):
    """The event that led to this one, up to the record that an upstream system published."""

    type: _Cause
    """The `ce_type` of the causing event; `timer` when a time passed, `policy` when the rules changed.

    `unknown`, with the same `id`, in a snapshot of a state that was stored by a release that did not keep it.
    """
    id: _Cause
    """Its `ce_id`, or the natural identity of a record that had none."""
    delivery_id: Identifier | None = left_out()
    """The supplier delivery that brought the units, when it is known."""


class Quantity(Published):
    """Units of the order line, and of its back order.

    Always `back_ordered = waiting + allocated + released + shipped + cancelled` and
    `covered + back_ordered ≤ ordered`.
    """

    ordered: PositiveUnits
    """Units that the order line asked for."""
    covered: Units
    """Units that stock on hand satisfied without a back order."""
    back_ordered: Units
    """Units that stock did not cover: the size of the back order."""
    allocated: Units
    """Units on hand set aside and not yet released: still ours to take back."""
    released: Units
    """Units that the warehouse has been told to ship and has not shipped yet."""
    shipped: Units
    """Units of the back order that left."""
    cancelled: Units
    """Units of the back order that are no longer wanted from here."""
    waiting: Units
    """Units that nothing is set aside for yet."""

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        parts = self.waiting + self.allocated + self.released + self.shipped + self.cancelled
        if self.back_ordered != parts:
            raise PydanticCustomError(
                "bad-quantity",
                "back_ordered {whole} is not waiting + allocated + released + shipped + cancelled = {parts}",
                {"whole": self.back_ordered, "parts": parts},
            )
        if self.covered + self.back_ordered > self.ordered:
            raise PydanticCustomError("bad-quantity", "covered + back_ordered is more than ordered")
        return self


class Promise(Published):
    """When the customer may expect all units."""

    p50: PublishedTime
    """As likely before as after."""
    p90: PublishedTime
    """The cautious date: nine times of ten before."""
    first_p50: PublishedTime
    """What was promised first; promise accuracy is measured against it too."""
    revisions: Annotated[int, Field(ge=0)]
    """How often the promise was moved since."""
    delivery_ids: Annotated[tuple[Identifier, ...], _Tuple] = ()
    """The supplier deliveries that it rests on."""


class Supplied(Published):
    """Units that a supplier delivery supplied."""

    delivery_id: Identifier
    """The delivery."""
    quantity: PositiveUnits
    """Units of it."""


class BackOrder(Published):
    """The whole state of a back order at one version."""

    back_order_id: Identifier
    """Deterministic from order, line and lane."""
    version: Annotated[Version, Field(ge=1)]
    """Starts at 1 and grows by 1: drop a version that you have seen; there is never a gap."""
    order_id: Identifier
    """The order."""
    line_id: Identifier
    """Its line."""
    part_id: Identifier
    """The part."""
    location_id: Identifier
    """The location."""
    customer_id: Identifier
    """The customer."""
    tier: Tier
    """The customer's tier when the order was placed."""
    service_impact: ServiceImpact
    """What the missing part means for the customer's machine."""
    ship_policy: ShipPolicy
    """Whether parts of the back order may ship."""
    unit_value: Decimal | None
    """The value of one unit; null when the order does not say."""
    status: Status
    """Where the back order stands. Tolerate values that you do not know."""
    quantity: Quantity
    """Its units."""
    band: Name | None
    """The priority class of the policy; null only in version 1."""
    placed_at: Time
    """When the order was placed."""
    opened_at: Time
    """When the shortage was noticed."""
    due_at: PublishedTime | None
    """When it should be filled by the policy or the customer's need; null only in version 1."""
    need_by: PublishedTime | None
    """When the customer needs the units; null when the order does not say."""
    promise: Promise | None
    """When the customer may expect them; null while nothing is known to come."""
    policy_version: Annotated[str, Field(min_length=1, max_length=64)] | None
    """The policy that the decisions followed; null only in version 1."""
    supplied_by: Annotated[tuple[Supplied, ...], _Tuple] = ()
    """The deliveries that the units set aside or shipped so far came with, as far as that is known."""
    rerouted_from: Identifier | None = None
    """The back order at another location that this one took over."""
    cause: Cause
    """What led to this event."""

    @property
    def lane(self) -> str:
        """The lane, as it stands in record keys."""
        return lane(self.part_id, self.location_id)


class BackOrderState(BackOrder):
    """An event on `back-order-state`: the whole state, and what its type adds."""

    ce_types: ClassVar[tuple[str, ...]] = tuple(STATE_EVENTS)

    changed: Annotated[dict[str, Annotated[int, Field(ge=-MAX_QUANTITY, le=MAX_QUANTITY)]] | None, left_out()] = None
    """By how many units the event moved the counters it is about, such as `{"allocated": 3}`; `waiting`,
    which is what the others leave, is not listed."""
    reason: Annotated[
        Name | None,
        left_out(
            "arrival",
            "better-rank",
            "cannot-complete",
            "stock-lost",
            "held",
            "debounced",
            "command",
            "opened",
            "reopened",
            "policy",
            "expedited",
            "overtaken",
            "no-supply",
            "order",
            "rerouted",
        ),
    ] = None
    """Why, as a code. Tolerate others."""
    rule: Annotated[
        Name | None, left_out("rank-order", "promise-kept", "win", "lent", "left-over", "stock-lost", "held")
    ] = None
    """The rule by which units were set aside or taken back: in the order of rank; kept for a promise that others made
    worse as often as the policy allows; won from a line of a lower band;
    lent by a line that cannot be completed; left over for such a line; lost with the stock; given back on hold.
    Tolerate others."""
    rank: Annotated[int | None, left_out(ge=1)] = None
    """The back order's place in the queue of its lane when this was decided; 1 is first."""
    taken_for: Annotated[Identifier | None, left_out()] = None
    """The back order that the units were taken for."""
    passed_over: Annotated[tuple[PassedOver, ...] | None, left_out(strict=False, max_length=20)] = None
    """Back orders with a better rank that did not get the units: the first three for each reason."""
    passed_over_total: Annotated[int | None, left_out(ge=0)] = None
    """How many there were in all."""
    refused: Annotated[RefusedUnits | None, left_out()] = None
    """What was not done of what was asked, and why."""
    command: Annotated[Command | None, left_out()] = None
    """The command that is answered."""
    to_location_id: Annotated[Identifier | None, left_out()] = None
    """The location that takes over."""
    to_lane: Annotated[Annotated[str, Field(min_length=3, max_length=MAX_LANE)] | None, left_out()] = None
    """Its lane, as it stands in record keys."""
    to_back_order_id: Annotated[Identifier | None, left_out()] = None
    """The identity that the back order there has, if there is need of one."""
    deliveries: Annotated[tuple[Supplied, ...] | None, left_out(strict=False)] = None
    """The supplier deliveries linked to this event: those that supplied what shipped, or all of them."""
    durations: Annotated[Durations | None, left_out()] = None
    """How long it took."""


class BackOrderSnapshot(BackOrder):
    """The newest state of a back order, on a compacted topic; a tombstone ends it."""

    ce_type: ClassVar[str] = "back-order.snapshot"
