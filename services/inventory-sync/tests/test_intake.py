"""From the public feeds to entries of the lanes, and to the lanes that a batch looks at."""

import json
from datetime import UTC, datetime

import msgspec
import pytest

from backorder_contracts.internal import SupplyEntry
from backorder_contracts.refusal import Refused
from backorder_dev.unwalked import Unwalked
from backorder_runtime.record import Record, Timer
from inventory_sync.domain.model import Rules
from inventory_sync.handlers import Positions
from inventory_sync.intake import SupplyIntake

STOCK = {
    "part_id": "BRK@204",
    "location_id": "W1",
    "on_hand": 12,
    "version": 341,
    "occurred_at": "2026-11-24T07:02:11Z",
    "reason": "received",
    "quantity": 10,
    "delivery_id": "PO-88/1",
    "shipped": None,
}
DELIVERY = {
    "delivery_id": "PO-88/1",
    "supplier_id": "S",
    "part_id": "P",
    "location_id": "W1",
    "version": 2,
    "status": "revised",
    "quantity": 10,
    "received_quantity": 0,
    "promised_at": "2026-11-30",
    "occurred_at": "2026-11-24T07:00:00Z",
}


def translated(topic, data, headers=()):
    (message,) = SupplyIntake().translate(Record(topic, 3, 9, None, json.dumps(data).encode(), headers))
    return message, msgspec.json.decode(message.value, type=SupplyEntry)


def test_a_stock_record_goes_to_its_lane_with_its_natural_identity():
    message, entry = translated("stock-changed", STOCK)
    assert (message.topic, message.key, message.type) == ("supply-entry", "BRK%40204@W1", "supply-entry.stock")
    assert (entry.cause.id, entry.cause.delivery_id) == ("BRK%40204@W1/341", "PO-88/1")
    assert (entry.origin.topic, entry.origin.partition, entry.origin.offset) == ("stock-changed", 3, 9)
    assert entry.shipped == ()


def test_shipped_lines_are_passed_on():
    shipped = [{"order_id": "SO-1", "line_id": "2", "quantity": 3}]
    _, entry = translated("stock-changed", STOCK | {"reason": "shipped", "delivery_id": None, "shipped": shipped})
    assert [(line.order_id, line.line_id, line.units) for line in entry.shipped] == [("SO-1", "2", 3)]
    assert entry.cause.delivery_id is None


def test_a_delivery_that_brought_nothing_is_no_cause():
    _, entry = translated("stock-changed", STOCK | {"reason": "scrapped"})
    assert (entry.delivery_id, entry.cause.delivery_id) == ("PO-88/1", None)


def test_a_delivery_goes_to_its_lane_with_the_publisher_s_identity():
    headers = (
        ("ce_specversion", b"1.0"),
        ("ce_id", b"erp-1"),
        ("ce_source", b"/erp"),
        ("ce_type", b"supplier.delivery"),
    )
    message, entry = translated("supplier-delivery", DELIVERY, headers)
    assert (message.key, message.type) == ("P@W1", "supply-entry.delivery")
    assert (entry.cause.type, entry.cause.id) == ("supplier.delivery", "erp-1")
    assert entry.promised_at.isoformat() == "2026-12-01T00:00:00+00:00"


@pytest.mark.parametrize(
    ("topic", "data"),
    [("stock-changed", STOCK | {"on_hand": -1}), ("supplier-delivery", DELIVERY | {"status": "lost"})],
)
def test_what_breaks_the_contract_is_refused(topic, data):
    with pytest.raises(Refused):
        translated(topic, data)


def test_an_entry_that_cannot_be_read_is_refused():
    with pytest.raises(Refused, match="unreadable"):
        Positions(Rules(), 1).decode(Record("supply-entry", 0, 0, None, None))


def test_a_batch_looks_at_no_lane_that_it_does_not_name():
    handler = Positions(Rules(), 10)
    handler._lanes = Unwalked({"Q@W1": None})
    asked = next(handler.load([handler.on_timer(Timer("P@W1", "PO-1", datetime.now(UTC)))]))
    assert [*asked.columns] == [["P@W1"]]
