"""Messages between the project's own services, on internal topics: not a promise to anybody outside.

They are msgspec structs because they are on the hot path and because the domain may use them as plain
values. Every message carries its `cause`: the public event that made it necessary.
"""

from datetime import datetime
from typing import TypeAlias

from msgspec import Struct


class Origin(Struct, frozen=True, array_like=True, gc=False):
    """Where the public record stands that a message came from; dead letters are copied from there."""

    topic: str
    partition: int
    offset: int


class Cause(Struct, frozen=True, omit_defaults=True, gc=False):
    """The public event that led to a change; `delivery_id` when a supplier delivery brought the units."""

    type: str
    id: str
    delivery_id: str | None = None


class Lot(Struct, frozen=True, array_like=True, gc=False):
    """Units of one supplier delivery. Units without a known delivery stand in no lot."""

    delivery_id: str
    units: int


class LineRef(Struct, frozen=True, array_like=True, gc=False):
    """An order line inside its lane."""

    order_id: str
    line_id: str


class LineDetail(Struct, frozen=True, omit_defaults=True, gc=False):
    """What an order line is, from the moment it is placed: nothing here ever changes.

    `need_by` is None when the customer named no date; `been` lists the lanes that the line was rerouted
    away from, oldest first, and `rerouted_from` is the back order it left behind.
    """

    order_id: str
    line_id: str
    part_id: str
    location_id: str
    quantity: int
    placed_at: datetime
    customer_id: str
    tier: str = "standard"
    service_impact: str = "none"
    ship_policy: str = "available"
    need_by: datetime | None = None
    unit_value: str | None = None
    rerouted_from: str | None = None
    been: tuple[str, ...] = ()

    @property
    def ref(self) -> LineRef:
        """The line's name inside its lane."""
        return LineRef(self.order_id, self.line_id)


# ── order-line: gap-detector/intake (and priority-router, for reroutes) → gap-detector/ledger ──────────


class LinePlaced(Struct, frozen=True, tag="placed", omit_defaults=True, gc=False):
    """One line of an order, on its way to the lane that decides about it."""

    line: LineDetail
    cause: Cause
    origin: Origin


class LineCancel(Struct, frozen=True, array_like=True, gc=False):
    """One line that a cancellation names; `quantity` None means all that is left of it."""

    line_id: str
    quantity: int | None = None


class OrderCancelled(Struct, frozen=True, tag="cancelled", omit_defaults=True, gc=False):
    """A cancellation, sent to every partition; `lines` None means the whole order, as it was at `cancelled_at`.

    `cancellation_id` is the publisher's `ce_id`, or the hash of the data when there was none.
    """

    cancellation_id: str
    order_id: str
    cancelled_at: datetime
    cause: Cause
    origin: Origin
    lines: tuple[LineCancel, ...] | None = None
    reason: str | None = None


class LineRecalled(Struct, frozen=True, tag="recalled", gc=False):
    """Of an order line that was rerouted to this lane, `total` units in all are wanted no more.

    The order was cancelled, and its lines are looked for where they were first placed: the queue there sends
    the cancellation after them. A total, so that a repeated message says nothing new.
    """

    ref: LineRef
    part_id: str
    location_id: str
    total: int
    cause: Cause


OrderEntry: TypeAlias = LinePlaced | OrderCancelled | LineRecalled


# ── supply-entry: inventory-sync/intake → inventory-sync/positions ─────────────────────────────────────


class ShippedLine(Struct, frozen=True, array_like=True, gc=False):
    """Units of one order line that left the warehouse."""

    order_id: str
    line_id: str
    units: int


class StockEntry(Struct, frozen=True, tag="stock", omit_defaults=True, gc=False):
    """A stock level of a lane as the warehouse system published it."""

    part_id: str
    location_id: str
    on_hand: int
    version: int
    occurred_at: datetime
    reason: str
    cause: Cause
    origin: Origin
    quantity: int | None = None
    delivery_id: str | None = None
    shipped: tuple[ShippedLine, ...] = ()


class DeliveryEntry(Struct, frozen=True, tag="delivery", omit_defaults=True, gc=False):
    """One version of a supplier delivery; `received_quantity` is cumulative."""

    delivery_id: str
    supplier_id: str
    part_id: str
    location_id: str
    version: int
    status: str
    quantity: int
    received_quantity: int
    promised_at: datetime
    occurred_at: datetime
    cause: Cause
    origin: Origin


SupplyEntry: TypeAlias = StockEntry | DeliveryEntry


# ── back-order-queue: gap-detector/ledger → priority-router ────────────────────────────────────────────


class Shortage(Struct, frozen=True, tag="shortage", omit_defaults=True, gc=False):
    """`units` of a line wait for stock: a new back order (`first`), or more of one that exists.

    `covered` is what the line's cover still stands for after this, units shipped from it included.
    """

    back_order_id: str
    line: LineDetail
    units: int
    covered: int
    first: bool
    at: datetime
    cause: Cause


class UnitsHanded(Struct, frozen=True, tag="units", omit_defaults=True, gc=False):
    """`units` of stock now belong to the queue of the lane; negative: they were taken back (stock was lost).

    `lots` names the deliveries that some of the units came with.
    """

    part_id: str
    location_id: str
    units: int
    cause: Cause
    lots: tuple[Lot, ...] = ()


class BackOrderShipped(Struct, frozen=True, tag="shipped", omit_defaults=True, gc=False):
    """`units` of a back order left the warehouse; `counted` of them were units of the queue."""

    back_order_id: str
    ref: LineRef
    units: int
    counted: int
    cause: Cause


class CancelAsked(Struct, frozen=True, tag="cancel", omit_defaults=True, gc=False):
    """A customer wants `units` of a back order no more; answered by a `CancelAnswer`."""

    back_order_id: str
    ref: LineRef
    units: int
    cause: Cause


class CancelRefused(Struct, frozen=True, tag="cancel-refused", omit_defaults=True, gc=False):
    """`units` of a cancellation could not be taken from anywhere: they are released, or gone."""

    back_order_id: str
    ref: LineRef
    units: int
    cause: Cause


QueueEntry: TypeAlias = Shortage | UnitsHanded | BackOrderShipped | CancelAsked | CancelRefused


# ── back-order-need: priority-router → gap-detector/ledger ─────────────────────────────────────────────


class NeedChange(Struct, frozen=True, array_like=True, gc=False):
    """How much more (or less) a line needs than the ledger counts for it."""

    ref: LineRef
    units: int


class CancelAnswer(Struct, frozen=True, omit_defaults=True, gc=False):
    """Of `asked` units `done` were cancelled; `asked` is 0 when a command, not the order, cancelled.

    `away` units went on to another lane, where a cancellation of the order has to follow them; below zero: so
    many of those that were asked for were cancelled there.
    """

    ref: LineRef
    asked: int
    done: int
    cause: Cause
    away: int = 0


class QueueNeed(Struct, frozen=True, omit_defaults=True, gc=False):
    """What the queue of a lane tells the ledger: changed needs, units that no line can use, cancellations."""

    part_id: str
    location_id: str
    cause: Cause
    changes: tuple[NeedChange, ...] = ()
    returned: int = 0
    lots: tuple[Lot, ...] = ()
    answers: tuple[CancelAnswer, ...] = ()


# ── queue-command: priority-router/intake → priority-router ────────────────────────────────────────────


class CommandEntry(Struct, frozen=True, omit_defaults=True, gc=False):
    """A person's or a system's wish about one back order, on its way to the lane that owns it."""

    command_id: str
    back_order_id: str
    part_id: str
    location_id: str
    action: str
    requested_by: str
    cause: Cause
    origin: Origin
    reason: str | None = None
    band: str | None = None
    quantity: int | None = None
    to_location_id: str | None = None
