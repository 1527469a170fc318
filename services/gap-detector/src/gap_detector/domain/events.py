"""What can happen to a lane, and what then is so."""

from typing import TypeAlias

from msgspec import Struct

from backorder_contracts.internal import (
    Cause,
    LineDetail,
    LineRef,
    Lot,
    OrderCancelled,
    Origin,
    QueueNeed,
    ShippedLine,
)
from gap_detector.domain.model import KeptCancellation

# ── events ─────────────────────────────────────────────────────────────────────────────────────────────


class LineArrived(Struct, frozen=True, gc=False):
    """An order line reached its lane.

    `cancels` are the units that cancellations which came earlier want gone, None meaning all; `elsewhere` is
    another lane that the same line was first placed in.
    """

    line: LineDetail
    ref: LineRef
    cause: Cause
    origin: Origin
    cancels: tuple[int | None, ...] = ()
    elsewhere: str | None = None


class LineRepeated(Struct, frozen=True, gc=False):
    """A line that closed so long ago that only a digest of it is left came again, with the `same` content or not."""

    ref: LineRef
    origin: Origin
    same: bool


class LineCancelled(Struct, frozen=True, gc=False):
    """Of a line that is known, `units` are wanted no more; None means all that is left of it."""

    ref: LineRef
    units: int | None
    cause: Cause


class LineFollowed(Struct, frozen=True, gc=False):
    """Of a line that was rerouted to this lane, `total` units in all are wanted no more."""

    ref: LineRef
    total: int
    cause: Cause


class CancellationArrived(Struct, frozen=True, gc=False):
    """A cancellation, to be kept for lines of the order that come late."""

    cancellation: KeptCancellation


class CancellationContested(Struct, frozen=True, gc=False):
    """Another cancellation came under the id of one that the order knows."""

    cancellation: OrderCancelled


class StockMoved(Struct, frozen=True, gc=False):
    """A stock level of the lane; `shipped` are lines that left the warehouse, counted once upstream.

    `received` is how many units came with the delivery that the cause names, if it was said.
    """

    part_id: str
    location_id: str
    on_hand: int
    version: int
    cause: Cause
    shipped: tuple[ShippedLine, ...] = ()
    received: int | None = None


Event: TypeAlias = (
    LineArrived
    | LineRepeated
    | LineCancelled
    | LineFollowed
    | CancellationArrived
    | CancellationContested
    | StockMoved
    | QueueNeed
)

# ── facts ──────────────────────────────────────────────────────────────────────────────────────────────


class LineEntered(Struct, frozen=True, gc=False):
    """A line is in the ledger, with what was cancelled and shipped of it before it came.

    `covered` units that were free now belong to it.
    """

    line: LineDetail
    ref: LineRef
    number: int
    cover_shipped: int
    cancelled: int
    covered: int


class Uncovered(Struct, frozen=True, gc=False):
    """Units of a line's cover belong to nobody any more: cancelled, or lost."""

    ref: LineRef
    units: int
    cancelled: bool


class CoverShipped(Struct, frozen=True, gc=False):
    """Covered units left the warehouse."""

    ref: LineRef
    units: int


class Shorted(Struct, frozen=True, gc=False):
    """A line lacks units: its back order opens (`first`) or grows."""

    ref: LineRef
    units: int
    first: bool
    cause: Cause


class Handed(Struct, frozen=True, gc=False):
    """Units went to the queue of the lane; negative: were taken back from it."""

    units: int
    lots: tuple[Lot, ...]
    cause: Cause


class StockSet(Struct, frozen=True, gc=False):
    """The level of the lane."""

    on_hand: int
    version: int


class LotsSet(Struct, frozen=True, gc=False):
    """Which deliveries the free units came with."""

    lots: tuple[Lot, ...]


class ShipmentSeen(Struct, frozen=True, gc=False):
    """A shipment names a line, known or not."""

    ref: LineRef
    units: int


class BackOrderLeft(Struct, frozen=True, gc=False):
    """Units of a back order left the warehouse; `counted` of them were the queue's."""

    ref: LineRef
    units: int
    counted: int
    cause: Cause


class CancelSent(Struct, frozen=True, gc=False):
    """The queue is asked to cancel units of a back order."""

    ref: LineRef
    units: int
    cause: Cause


class CancelDone(Struct, frozen=True, gc=False):
    """The queue answered: of `asked` units `done` are cancelled; `away` more units stand in another lane."""

    ref: LineRef
    asked: int
    done: int
    away: int = 0


class RecallHeard(Struct, frozen=True, gc=False):
    """So many units in all of a line that came by a reroute are wanted no more."""

    ref: LineRef
    total: int


class CancelLeft(Struct, frozen=True, gc=False):
    """Units that nobody can cancel: released, or not there."""

    ref: LineRef
    units: int
    cause: Cause


class NeedMoved(Struct, frozen=True, gc=False):
    """The queue needs more or less for a line than was counted."""

    ref: LineRef
    units: int


class Returned(Struct, frozen=True, gc=False):
    """The queue gave units back that no line can use."""

    units: int


class CancellationKept(Struct, frozen=True, gc=False):
    """A cancellation is remembered."""

    cancellation: KeptCancellation


class Conflict(Struct, frozen=True, gc=False):
    """A known line or cancellation came again with other content; the first stands."""

    origin: Origin
    detail: str


Fact: TypeAlias = (
    LineEntered
    | Uncovered
    | CoverShipped
    | Shorted
    | Handed
    | StockSet
    | LotsSet
    | ShipmentSeen
    | BackOrderLeft
    | CancelSent
    | CancelDone
    | RecallHeard
    | CancelLeft
    | NeedMoved
    | Returned
    | CancellationKept
    | Conflict
)
