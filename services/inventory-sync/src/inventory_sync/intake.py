"""From published stock levels and supplier deliveries to entries of their lanes."""

from collections.abc import Sequence

import msgspec

from backorder_contracts import identity
from backorder_contracts.envelope import Envelope
from backorder_contracts.inputs import parse
from backorder_contracts.internal import Cause, DeliveryEntry, ShippedLine, StockEntry
from backorder_contracts.stock import StockChanged
from backorder_contracts.supplier import SupplierDelivery
from backorder_runtime.record import Message, Record

_encode = msgspec.json.Encoder().encode
ENTRIES = "supply-entry"


class SupplyIntake:
    """Sends each stock level and each version of a delivery to its lane."""

    topics = ("stock-changed", "supplier-delivery")

    def translate(self, record: Record) -> Sequence[Message]:
        """The entry of one record. Raises `Refused`."""
        envelope, event = parse(record.topic, record.key, record.value, record.headers)
        if isinstance(event, StockChanged):
            lane = identity.lane(event.part_id, event.location_id)
            return (Message(ENTRIES, lane, "supply-entry.stock", _encode(_stock(record, envelope, event))),)
        if isinstance(event, SupplierDelivery):
            lane = identity.lane(event.part_id, event.location_id)
            return (Message(ENTRIES, lane, "supply-entry.delivery", _encode(_delivery(record, envelope, event))),)
        raise TypeError(f"no supply: {type(event).__name__}")


def _stock(record: Record, envelope: Envelope, event: StockChanged) -> StockEntry:
    # only a receipt brings units of a delivery; with any other reason its name is only passed on
    brought_by = event.delivery_id if event.reason == "received" else None
    return StockEntry(
        part_id=event.part_id,
        location_id=event.location_id,
        on_hand=event.on_hand,
        version=event.version,
        occurred_at=event.occurred_at,
        reason=event.reason,
        cause=Cause(envelope.type, envelope.id, brought_by),
        origin=record.origin,
        quantity=event.quantity,
        delivery_id=event.delivery_id,
        shipped=tuple(ShippedLine(line.order_id, line.line_id, line.quantity) for line in event.shipped or ()),
    )


def _delivery(record: Record, envelope: Envelope, event: SupplierDelivery) -> DeliveryEntry:
    return DeliveryEntry(
        delivery_id=event.delivery_id,
        supplier_id=event.supplier_id,
        part_id=event.part_id,
        location_id=event.location_id,
        version=event.version,
        status=event.status,
        quantity=event.quantity,
        received_quantity=event.received_quantity,
        promised_at=event.promised_at,
        occurred_at=event.occurred_at,
        cause=Cause(envelope.type, envelope.id),
        origin=record.origin,
    )
