"""From published orders and cancellations to order lines on their lanes."""

from collections.abc import Sequence

import msgspec

from backorder_contracts import identity
from backorder_contracts.envelope import Envelope
from backorder_contracts.inputs import parse
from backorder_contracts.internal import Cause, LineCancel, LineDetail, LinePlaced, OrderCancelled, Origin
from backorder_contracts.orders import OrderCancelled as PublishedCancellation
from backorder_contracts.orders import OrderLine, OrderPlaced
from backorder_runtime.record import Message, Record

_encode = msgspec.json.Encoder().encode
LINES = "order-line"


class OrderIntake:
    """Splits orders into lines and sends each to its lane; a cancellation goes to every partition."""

    topics = ("order-placed", "order-cancelled")

    def translate(self, record: Record) -> Sequence[Message]:
        """The order lines of one record. Raises `Refused`: a record with one bad line is refused whole."""
        envelope, event = parse(record.topic, record.key, record.value, record.headers)
        if isinstance(event, OrderPlaced):
            cause, origin = Cause(envelope.type, envelope.id), record.origin
            return [_placed(event, line, cause, origin) for line in event.lines]
        if isinstance(event, PublishedCancellation):
            return [_cancelled(record, envelope, event)]
        raise TypeError(f"no order: {type(event).__name__}")


def _placed(order: OrderPlaced, line: OrderLine, cause: Cause, origin: Origin) -> Message:
    detail = LineDetail(
        order_id=order.order_id,
        line_id=line.line_id,
        part_id=line.part_id,
        location_id=line.location_id,
        quantity=line.quantity,
        placed_at=order.placed_at,
        customer_id=order.customer.customer_id,
        tier=order.customer.tier,
        service_impact=line.service_impact,
        ship_policy=line.ship_policy,
        need_by=line.need_by,
        unit_value=line.unit_value,
    )
    placed = LinePlaced(detail, cause, origin)
    return Message(LINES, identity.lane(line.part_id, line.location_id), "order-line.placed", _encode(placed))


def _cancelled(record: Record, envelope: Envelope, event: PublishedCancellation) -> Message:
    cancelled = OrderCancelled(
        cancellation_id=envelope.id,
        order_id=event.order_id,
        cancelled_at=event.cancelled_at,
        cause=Cause(envelope.type, envelope.id),
        origin=record.origin,
        lines=None if event.lines is None else tuple(LineCancel(x.line_id, x.quantity) for x in event.lines),
        reason=event.reason,
    )
    return Message(LINES, event.order_id, "order-line.cancelled", _encode(cancelled), everywhere=True)
