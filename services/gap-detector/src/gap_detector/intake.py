"""From published orders and cancellations to order lines on their lanes."""

from collections.abc import Sequence

import msgspec

from backorder_contracts import identity
from backorder_contracts.envelope import Envelope, beside, is_structured
from backorder_contracts.inputs import parse
from backorder_contracts.internal import Cause, LineCancel, LineDetail, LinePlaced, OrderCancelled
from backorder_contracts.orders import OrderCancelled as PublishedCancellation
from backorder_contracts.orders import OrderLine, OrderPlaced
from backorder_contracts.usual_order import usual_lines
from backorder_runtime.record import Message, Record

_encode = msgspec.json.Encoder().encode
ORDERS = "order-placed"
LINES = "order-line"


class OrderIntake:
    """Splits orders into lines and sends each to its lane; a cancellation goes to every partition."""

    topics = (ORDERS, "order-cancelled")

    def translate(self, record: Record) -> Sequence[Message]:
        """The order lines of one record. Raises `Refused`: a record with one bad line is refused whole."""
        return _usual(record) or by_contract(record)


def by_contract(record: Record) -> Sequence[Message]:
    """What any record says. Raises `Refused`."""
    envelope, event = parse(record.topic, record.key, record.value, record.headers)
    if isinstance(event, OrderPlaced):
        return _placed(record, envelope.type, envelope.id, [_detail(event, line) for line in event.lines])
    if isinstance(event, PublishedCancellation):
        return [_cancelled(record, envelope, event)]
    raise TypeError(f"no order: {type(event).__name__}")


def _usual(record: Record) -> Sequence[Message]:
    """What an order says that is written as usual; of other records nothing. Raises `Refused`: its envelope is bad."""
    if record.topic != ORDERS or record.value is None:
        return ()
    if (lines := usual_lines(record.value)) is None or is_structured(record.headers):
        return ()
    envelope = beside(record.topic, record.headers, {})
    return _placed(record, envelope.type, envelope.id or lines[0].order_id, lines)


def _placed(record: Record, event_type: str, event_id: str, lines: Sequence[LineDetail]) -> list[Message]:
    cause, origin = Cause(event_type, event_id), record.origin
    return [
        Message(
            LINES,
            identity.lane(line.part_id, line.location_id),
            "order-line.placed",
            _encode(LinePlaced(line, cause, origin)),
        )
        for line in lines
    ]


def _detail(order: OrderPlaced, line: OrderLine) -> LineDetail:
    return LineDetail(
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
