"""What holds after every event, in whatever order events come, sensible or not."""

from hypothesis import given
from hypothesis import strategies as st
from ledger_desk import HERE, PART, Story, cancel, need, order, ref, stock

from backorder_contracts.internal import Cause, LinePlaced, LineRecalled
from gap_detector.domain import events as e

names = st.sampled_from(["A", "A/2", "B", "C"])
places = st.sampled_from([HERE, HERE, "W2"])
units = st.one_of(st.integers(1, 9), st.just(10**9))
signed = st.one_of(st.integers(-9, 9), st.integers(-(10**9), 10**9))
deliveries = st.sampled_from([None, "PO1", "PO2"])
orders = st.builds(order, names, units, location=places, tier=st.sampled_from(["gold", "gold", "silver"]))
reroutes = st.builds(order, names, units, location=st.just("W2"), rerouted_from=st.just("BO-1"))
wholes = st.builds(cancel, st.sampled_from(["A", "B", "C"]))
parts = st.builds(lambda order_id, line, n: cancel(order_id, **{f"L{line}": n}), names, st.sampled_from("12"), units)
levels = st.builds(
    stock,
    st.one_of(st.integers(0, 20), st.just(10**12)),
    version=st.integers(0, 40),
    shipped=st.dictionaries(names, units, max_size=2),
    delivery=deliveries,
    received=st.one_of(st.none(), units),
    location=places,
)
reports = st.builds(
    need,
    st.dictionaries(names, signed, max_size=2),
    returned=st.integers(0, 12),
    lots=st.dictionaries(st.sampled_from(["PO1", "PO2"]), st.integers(1, 3), max_size=2),
    answers=st.lists(st.tuples(names, st.integers(0, 9), st.integers(0, 9), st.integers(-9, 9)), max_size=2),
    location=places,
)
recalls = st.builds(
    lambda name, total, place: LineRecalled(ref(name), PART, place, total, Cause("order.cancelled", name)),
    names,
    units,
    places,
)
messages = st.lists(
    st.one_of(orders, levels, parts, reports, orders, wholes, reroutes, recalls), min_size=5, max_size=40
)


@given(messages)
def test_every_message_is_answered_and_nothing_is_given_twice(story_of):
    # the desk sees to it that deciding changes nothing, and says the same again
    story = Story()
    for message in story_of:
        story.when(message)
        for lane in story.ledger.lanes.values():
            assert not lane.free > 0 < lane.needed, "somebody waits although a unit is free"
            assert not lane.handed < 0 < lane.needed, "the queue owes what it is owed"
            assert lane.covered <= lane.on_hand, "more is covered than there is"
            assert lane.free >= 0, "lost stock still belongs to somebody"
            assert sum(lot.units for lot in lane.lots) <= lane.free, "lots name units that are not free"
            assert len({lot.delivery_id for lot in lane.lots}) == len(lane.lots), "a delivery has two lots"
            assert lane.covered == sum(line.covered for line in lane.lines.values())
            assert lane.handed + lane.needed == sum(line.counted for line in lane.lines.values())
            assert all(line.covered >= 0 and line.need >= 0 for line in lane.lines.values())


@given(messages)
def test_only_a_level_takes_cover_from_those_who_did_not_ask(story_of):
    story = Story()
    for message in story_of:
        story.when(message)
        if not isinstance(message, e.StockMoved):
            assert not [fact for fact in story.all(e.Uncovered) if not fact.cancelled]


@given(messages, st.data())
def test_whatever_comes_twice_changes_nothing_the_second_time(story_of, data):
    story = Story().when(*story_of)
    sent = [m for m in story_of if isinstance(m, LinePlaced) or hasattr(m, "cancellation_id")]
    if sent:
        again = data.draw(st.sampled_from(sent))
        story.when(again)
        assert all(isinstance(fact, e.Conflict) for fact in story.facts)
    late = [m for m in story_of if isinstance(m, e.StockMoved) and not m.shipped]
    if late:
        story.when(data.draw(st.sampled_from(late))).then_nothing()


@given(messages)
def test_a_line_opens_one_back_order_however_often_it_lacks_units(story_of):
    story = Story()
    opened = set()
    for message in story_of:
        for fact in story.when(message).all(e.Shorted):
            where = (message.location_id if isinstance(message, e.StockMoved) else message.line.location_id, fact.ref)
            assert fact.first == (where not in opened)
            opened.add(where)
