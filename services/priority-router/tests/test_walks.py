"""What a batch costs does not grow with the queues in memory."""

from datetime import UTC, datetime

from backorder_dev.unwalked import Unwalked
from backorder_runtime.record import Timer
from priority_router.handlers import Router
from priority_router.policies import Policies


def test_a_batch_looks_at_no_queue_that_it_does_not_name():
    handler = Router(Policies(), 10)
    handler._queues = Unwalked({"Q@W1": None})
    asked = next(handler.load([handler.on_timer(Timer("P@W1", "late", datetime.now(UTC)))]))
    assert ["P@W1"] in [*asked.columns]
