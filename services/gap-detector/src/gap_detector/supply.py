"""What the ledger reads of the supply topic: stock positions, and only the fields it needs."""

from msgspec import Struct, json

from backorder_contracts.internal import Cause, ShippedLine
from gap_detector.domain.events import StockMoved


class _Shipped(Struct, frozen=True):
    order_id: str
    line_id: str
    quantity: int


class _Positioned(Struct, frozen=True):
    part_id: str
    location_id: str
    on_hand: int
    version: int
    cause: Cause
    quantity: int | None = None
    shipped: tuple[_Shipped, ...] = ()


_decode = json.Decoder(_Positioned).decode


def read_position(value: bytes) -> StockMoved:
    """A `stock.positioned` event. Raises `msgspec.DecodeError`."""
    stock = _decode(value)
    return StockMoved(
        part_id=stock.part_id,
        location_id=stock.location_id,
        on_hand=stock.on_hand,
        version=stock.version,
        cause=stock.cause,
        shipped=tuple(ShippedLine(line.order_id, line.line_id, line.quantity) for line in stock.shipped),
        received=stock.quantity if stock.cause.delivery_id else None,
    )
