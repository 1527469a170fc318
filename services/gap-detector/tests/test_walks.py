"""What a batch costs does not grow with the lanes in memory."""

import pytest

from backorder_contracts.internal import Cause
from backorder_dev.unwalked import Unwalked
from backorder_runtime.handler import Arrived
from gap_detector.domain.events import StockMoved
from gap_detector.handlers import GapLedger


def test_a_batch_looks_at_no_lane_that_it_does_not_name():
    handler = GapLedger(0, 10)
    handler._ledger.lanes = Unwalked({"Q@W1": None})
    moved = StockMoved(part_id="P", location_id="W1", on_hand=4, version=1, cause=Cause("stock.changed", "P@W1/1"))
    asking = handler.load([Arrived("P@W1", moved)])
    assert [*next(asking).columns] == [["P@W1"]]
    with pytest.raises(StopIteration):
        asking.send([])
    assert handler._ledger.lanes["P@W1"].part_id == "P"
