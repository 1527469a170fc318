"""What can happen to a lane, and what then is so."""

from dataclasses import dataclass
from typing import TypeAlias

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

# ── events ─────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class LineArrived:
    """An order line reached its lane.

    `cancels` are the units that cancellations which came earlier want gone, None meaning all; `elsewhere` is
    another lane that the same line was first placed in.
    """

    line: LineDetail
    cause: Cause
    origin: Origin
    cancels: tuple[int | None, ...] = ()
    elsewhere: str | None = None


@dataclass(frozen=True, slots=True)
class LineCancelled:
    """Of a line that is known, `units` are wanted no more; None means all that is left of it."""

    ref: LineRef
    units: int | None
    cause: Cause


@dataclass(frozen=True, slots=True)
class LineFollowed:
    """Of a line that was rerouted to this lane, `total` units in all are wanted no more."""

    ref: LineRef
    total: int
    cause: Cause


@dataclass(frozen=True, slots=True)
class CancellationArrived:
    """A cancellation, to be kept for lines of the order that come late."""

    cancellation: OrderCancelled


@dataclass(frozen=True, slots=True)
class StockMoved:
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


Event: TypeAlias = LineArrived | LineCancelled | LineFollowed | CancellationArrived | StockMoved | QueueNeed

# ── facts ──────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class LineEntered:
    """A line is in the ledger, with what was cancelled and shipped of it before it came."""

    line: LineDetail
    ref: LineRef
    number: int
    cover_shipped: int
    cancelled: int


@dataclass(frozen=True, slots=True)
class Covered:
    """Free units now belong to a line."""

    ref: LineRef
    units: int


@dataclass(frozen=True, slots=True)
class Uncovered:
    """Units of a line's cover belong to nobody any more: cancelled, or lost."""

    ref: LineRef
    units: int
    cancelled: bool


@dataclass(frozen=True, slots=True)
class CoverShipped:
    """Covered units left the warehouse."""

    ref: LineRef
    units: int


@dataclass(frozen=True, slots=True)
class Shorted:
    """A line lacks units: its back order opens (`first`) or grows."""

    ref: LineRef
    units: int
    first: bool
    cause: Cause


@dataclass(frozen=True, slots=True)
class Handed:
    """Units went to the queue of the lane; negative: were taken back from it."""

    units: int
    lots: tuple[Lot, ...]
    cause: Cause


@dataclass(frozen=True, slots=True)
class StockSet:
    """The level of the lane."""

    on_hand: int
    version: int


@dataclass(frozen=True, slots=True)
class LotsSet:
    """Which deliveries the free units came with."""

    lots: tuple[Lot, ...]


@dataclass(frozen=True, slots=True)
class ShipmentSeen:
    """A shipment names a line, known or not."""

    ref: LineRef
    units: int


@dataclass(frozen=True, slots=True)
class BackOrderLeft:
    """Units of a back order left the warehouse; `counted` of them were the queue's."""

    ref: LineRef
    units: int
    counted: int
    cause: Cause


@dataclass(frozen=True, slots=True)
class CancelSent:
    """The queue is asked to cancel units of a back order."""

    ref: LineRef
    units: int
    cause: Cause


@dataclass(frozen=True, slots=True)
class CancelDone:
    """The queue answered: of `asked` units `done` are cancelled; `away` more units stand in another lane."""

    ref: LineRef
    asked: int
    done: int
    away: int = 0


@dataclass(frozen=True, slots=True)
class RecallHeard:
    """So many units in all of a line that came by a reroute are wanted no more."""

    ref: LineRef
    total: int


@dataclass(frozen=True, slots=True)
class CancelLeft:
    """Units that nobody can cancel: released, or not there."""

    ref: LineRef
    units: int
    cause: Cause


@dataclass(frozen=True, slots=True)
class NeedMoved:
    """The queue needs more or less for a line than was counted."""

    ref: LineRef
    units: int


@dataclass(frozen=True, slots=True)
class Returned:
    """The queue gave units back that no line can use."""

    units: int


@dataclass(frozen=True, slots=True)
class CancellationKept:
    """A cancellation is remembered."""

    cancellation: OrderCancelled


@dataclass(frozen=True, slots=True)
class Conflict:
    """A known line came again with other content; the first stands."""

    origin: Origin
    detail: str


Fact: TypeAlias = (
    LineEntered
    | Covered
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
