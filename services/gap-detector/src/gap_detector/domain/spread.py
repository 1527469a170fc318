"""From a message to the lanes it concerns: a cancellation names an order, everything else names its lane."""

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from msgspec.structs import asdict, replace

from backorder_contracts import identity
from backorder_contracts.internal import LineDetail, LinePlaced, LineRecalled, LineRef, OrderCancelled, OrderEntry
from gap_detector.domain import events as e
from gap_detector.domain.model import KeptCancellation, Ledger, Order

LaneEvent: TypeAlias = tuple[str, e.Event]
OrderMessage: TypeAlias = e.LineArrived | LineRecalled | OrderCancelled


def addressed(entry: OrderEntry) -> tuple[str, OrderMessage]:
    """The lane that an entry of the order line topic is sent to, or what stands for one, and what it says there."""
    match entry:
        case LinePlaced(line, cause, origin):
            return identity.lane(line.part_id, line.location_id), e.LineArrived(line, line.ref, cause, origin)
        case LineRecalled():
            return identity.lane(entry.part_id, entry.location_id), entry
        case OrderCancelled():
            return f"order {entry.order_id}", entry  # it is about an order as a whole


def spread(ledger: Ledger, lane: str, message: OrderMessage, kept_for: str | None = None) -> Sequence[LaneEvent]:
    """What a message that was sent to `lane` means lane by lane.

    A repeated cancellation means nothing; another one under its id is refused, by each shard that it comes to. One that
    was `kept_for` a lane that was stopped is no repetition there, though the order knows it; but lines that entered
    since have taken it already.
    """
    if isinstance(message, e.LineArrived):
        return ((lane, beside_its_order(ledger, lane, message)),)
    if isinstance(message, LineRecalled):
        return ((lane, e.LineFollowed(message.ref, message.total, message.cause)),)
    order = ledger.order(message.order_id)
    known = order.cancellations.get(message.cancellation_id)
    if known is None:
        lines = _cancelled_lines(order, message, order.places)
        kept = KeptCancellation(**asdict(message), found=tuple(line.ref.line_id for _, line in lines))
        return ((lane, e.CancellationArrived(kept)), *lines)
    if kept_for in {None, lane}:
        return () if _asks(known) == _asks(message) else ((lane, e.CancellationContested(message)),)
    return _cancelled_lines(order, message, order.places if known.found is None else known.found)


def beside_its_order(ledger: Ledger, lane: str, arrived: e.LineArrived) -> e.LineArrived:
    """A line with what is known of its order: the same object when that says nothing about it."""
    line = arrived.line
    order = ledger.orders.get(line.order_id)
    if order is None or line.rerouted_from is not None:
        return arrived  # a rerouted line follows its first lane: cancellations reach it from there
    place = order.places.get(line.line_id)
    elsewhere = place.lane if place and place.lane != lane else None
    if elsewhere is None and not order.cancellations:
        return arrived
    kept = (each for each in order.cancellations.values() if _is_about(each, line))
    cancels = tuple(units for each in kept for units in _wanted(each, line.line_id))
    return replace(arrived, cancels=cancels, elsewhere=elsewhere)


def _cancelled_lines(
    order: Order, message: OrderCancelled, line_ids: Iterable[str]
) -> list[tuple[str, e.LineCancelled]]:
    """What a cancellation means for those of these lines that have their place in the shard."""
    return [
        (place.lane, e.LineCancelled(LineRef(message.order_id, line_id), units, message.cause))
        for line_id in sorted(line_ids)
        if (place := order.places.get(line_id)) is not None and place.ours
        for units in _wanted(message, line_id)
    ]


def _is_about(kept: OrderCancelled, line: LineDetail) -> bool:
    """Whether a cancellation that came before a line may be about it: a whole order is as it was when it was cancelled.

    Whoever places a line of it afterwards wants it. At the same time, it was cancelled.
    """
    return kept.lines is not None or line.placed_at <= kept.cancelled_at


def _asks(cancellation: OrderCancelled) -> tuple[object, ...]:
    """What a cancellation wants gone, and of which time: a repetition says the same, in any order of lines."""
    return cancellation.cancelled_at, None if cancellation.lines is None else frozenset(cancellation.lines)


def _wanted(cancellation: OrderCancelled, line_id: str) -> Sequence[int | None]:
    """How many units of a line a cancellation wants gone, None meaning all; empty when it does not name it."""
    if cancellation.lines is None:
        return (None,)
    return [line.quantity for line in cancellation.lines if line.line_id == line_id]
