"""`supplier-delivery`: what the purchasing system publishes."""

from typing import ClassVar, Literal, TypeAlias

from backorder_contracts.fields import Identifier, Input, Quantity, Time, TimeOrDate, Units, Version

DeliveryStatus: TypeAlias = Literal["promised", "revised", "shipped", "received", "cancelled"]


class SupplierDelivery(Input):
    """A version of what a supplier will deliver. Identity: (`delivery_id`, `version`).

    It never changes stock, only `stock-changed` does: it says what is coming, and when it came.
    """

    ce_type: ClassVar[str] = "supplier.delivery"

    delivery_id: Identifier
    """The delivery, usually a purchase-order schedule line such as `PO-88/1`."""
    supplier_id: Identifier
    """The supplier."""
    part_id: Identifier
    """The part that comes."""
    location_id: Identifier
    """The location that it comes to."""
    version: Version
    """Grows with every change of this delivery; gaps are allowed."""
    status: DeliveryStatus
    """How far the delivery is."""
    quantity: Quantity
    """Units that the delivery is to bring in all."""
    received_quantity: Units
    """Units received so far, cumulative; may exceed `quantity`."""
    promised_at: TimeOrDate
    """When the supplier promises the units: a time, or a date (the midnight that ends it, UTC)."""
    occurred_at: Time
    """When this version came about."""
