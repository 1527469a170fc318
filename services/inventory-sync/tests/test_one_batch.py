"""What a batch tells grows with what came in it, however much of it is about one lane."""

from hypothesis import given, settings
from hypothesis import strategies as st
from supply_world import HOUR, MODELS, START, delivery, stock

from backorder_runtime.bundle import Bundler
from backorder_runtime.handler import Arrived
from backorder_runtime.outcome import Outcome
from inventory_sync.domain.events import TimeCame
from inventory_sync.domain.model import Lane, Rules
from inventory_sync.handlers import Positions


def positions():
    """A shard that has one lane in memory, and nothing in it."""
    handler = Positions(Rules(), 1_000)
    handler._lanes["P@L"] = Lane("P", "L")
    return handler


def told(handler, events, now=START):
    """What one batch publishes of these events of the lane."""
    outcome = Outcome(Bundler(4))
    for event in events:
        for each in handler.spread(Arrived("P@L", event), None):
            outcome.take(handler.evolve(each, handler.decide(each, now), now), None)
    outcome.complete()
    return [MODELS[entry.type].model_validate_json(entry.value) for entry in outcome.entries]


def names(count):
    return [f"PO-{number}" for number in range(count)]


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 60))
def test_a_batch_that_revises_all_deliveries_of_a_lane_lists_each_of_them_once(count):
    handler = positions()
    told(handler, [delivery(1, name=name) for name in names(count)])
    (event,) = told(handler, [delivery(2, name=name, due=48 * HOUR) for name in names(count)])
    assert {(each.delivery_id, each.version) for each in event.deliveries} == {(name, 2) for name in names(count)}
    assert len(event.deliveries) == count
    assert event.cause.id == f"{names(count)[-1]}/2"


def test_deliveries_that_become_overdue_together_are_listed_once():
    handler = positions()
    told(handler, [delivery(1, name=name) for name in names(30)])
    (event,) = told(handler, [TimeCame("overdue", name) for name in names(30)], START + 24 * HOUR)
    assert [each.overdue for each in event.deliveries] == [True] * 30


def test_a_list_stands_where_the_deliveries_changed_last_and_levels_are_all_told():
    handler = positions()
    entries = (stock(1, 5), delivery(1), stock(2, 6), delivery(2, 20), stock(3, 7), delivery(2, 20))
    events = told(handler, entries)
    assert [type(event).__name__ for event in events] == ["StockPositioned"] * 2 + [
        "InboundScheduled",
        "StockPositioned",
    ]
    assert events[2].deliveries[0].quantity == 20
