"""What the ledger reads, made without the services that write it."""

import json
from collections.abc import Iterable, Iterator

import trade

from backorder_runtime.bundle import TYPE, Bundler, partition_of
from backorder_runtime.outbox import Wire
from backorder_runtime.record import Message, Record
from gap_detector.intake import OrderIntake

_TRACE = "00-9889a2be0a593f3e1a7240595b5e9c38-3f500696fb684506-01"
_BUNDLE = (("ce_type", TYPE.encode()),)


def positions(lanes: int, partitions: int) -> list[Wire]:
    """The stock of every lane."""
    wires = []
    for part in range(lanes):
        position = {
            "part_id": f"P-{part}",
            "location_id": "W1",
            "on_hand": 0 if trade.is_short(part) else trade.PLENTY,
            "version": 1,
            "cause": {"type": "stock.changed", "id": "count"},
        }
        lane = f"P-{part}@W1"
        header = (("ce_type", b"stock.positioned"),)
        value = json.dumps(position).encode()
        wires.append(Wire("supply", lane.encode(), value, header, partition_of(lane, partitions)))
    return wires


def lines_of(orders: Iterable[bytes | None]) -> Iterator[Message]:
    """What the intake makes of published orders, line by line."""
    intake = OrderIntake()
    for offset, order in enumerate(orders):
        yield from intake.translate(Record("order-placed", 0, offset, None, order))


def order_lines(orders: Iterable[trade.Order], partitions: int) -> list[Wire]:
    """The lines of orders as the intake sends them on."""
    bundler = Bundler(partitions)
    for message in lines_of(order.wire().value for order in orders):
        bundler.add(message, _TRACE)
    return [Wire(bundle.topic, None, bundle.value, _BUNDLE, bundle.partition) for bundle in bundler.take()]
