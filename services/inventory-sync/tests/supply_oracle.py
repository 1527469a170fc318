"""What must be so after any history, said in another way than the service says it, and how to check it."""

from collections import Counter
from itertools import pairwise

from hypothesis import strategies as st
from supply_world import HOUR, START, World, delivery, stock

from backorder_contracts.internal import StockEntry
from backorder_contracts.supply import InboundScheduled, SupplyDiscrepancy
from inventory_sync.domain.model import Rules

NAMES = ("PO-1", "PO-2")
GRACE = Rules(grace=2 * HOUR)


@st.composite
def _stock_record(draw, version):
    on_hand = draw(st.integers(0, 30))
    match draw(st.sampled_from(("counted", "shipped", "received", "received"))):
        case "shipped":
            return stock(version, on_hand, shipped=[(f"SO-{version}", draw(st.integers(1, 5)))])
        case "received":
            name, units = draw(st.sampled_from(NAMES)), draw(st.integers(1, 12))
            return stock(version, on_hand, reason="received", quantity=units, delivery_id=name)
        case reason:
            return stock(version, on_hand, reason=reason)


@st.composite
def _announcement(draw, name, version):
    return delivery(
        version,
        draw(st.integers(1, 20)),
        name=name,
        status=draw(st.sampled_from(("promised", "revised", "shipped", "received", "cancelled"))),
        got=draw(st.integers(0, 20)),
        due=draw(st.integers(-5, 12)) * HOUR,
    )


@st.composite
def histories(draw):
    """Records of both feeds, in any order, each perhaps several times, with gaps in versions, and hours between."""
    versions = draw(st.sets(st.integers(0, 40), max_size=6))
    records = [draw(_stock_record(version)) for version in sorted(versions)]
    for name in NAMES:
        versions = draw(st.sets(st.integers(0, 9), max_size=3))
        records += [draw(_announcement(name, version)) for version in sorted(versions)]
    again = draw(st.lists(st.sampled_from(records), max_size=5)) if records else []
    order = draw(st.permutations(records + again))
    return [(record, draw(st.sampled_from((0, 0, 0, 1, 3))) * HOUR) for record in order]


def check(history, parts=None):
    """Run a history and compare everything that was published with what must be."""
    world = World(GRACE, parts)
    for record, pause in history:
        world.take(record)
        world.passes(pause)
    world.passes(100 * HOUR)
    records = [record for record, _ in history]
    _check_level_and_shipments(world, [record for record in records if isinstance(record, StockEntry)])
    expected = _still_to_come(records)
    assert world.inbound == {name: units for name, (units, _) in expected.items()}
    _check_lists(world, records, expected)
    _check_doubts(world, history)
    assert not world.letters
    before = len(world.events)
    world.take(*records)
    world.passes(100 * HOUR)
    assert len(world.events) == before, "a repetition of everything says nothing"


def _check_level_and_shipments(world, records):
    by_version = {record.version: record for record in records}
    if not by_version:
        assert world.positions == []
        return
    newest = by_version[max(by_version)]
    assert (world.lane.on_hand, world.lane.version) == (newest.on_hand, newest.version)
    shipped = Counter((line.order_id, line.units) for record in by_version.values() for line in record.shipped)
    told = Counter((line.order_id, line.quantity) for event in world.positions for line in event.shipped)
    assert told == shipped, "every shipment counts exactly once"
    seen = []  # the newest version at each moment, by the records alone
    for record in records:
        if not seen or record.version > seen[-1]:
            seen.append(record.version)
    moves = [event for event in world.positions if event.moved]
    assert [event.version for event in moves] == seen
    level = None
    for event in world.positions:
        level = by_version[event.version].on_hand if event.moved else level
        assert event.on_hand == level
        assert event.moved or event.shipped, "a late version without shipments is not told"


def _facts(records, name):
    """The newest announcement of a delivery, and how much of it stock records brought."""
    announced = {r.version: r for r in records if not isinstance(r, StockEntry) and r.delivery_id == name}
    brought = {r.version: r.quantity for r in records if isinstance(r, StockEntry) and r.delivery_id == name}
    return (announced[max(announced)] if announced else None), sum(brought.values())


def _still_to_come(records):
    found = {}
    for name in NAMES:
        newest, brought = _facts(records, name)
        if newest is None or newest.status == "cancelled":
            continue
        left = newest.quantity - max(newest.received_quantity, brought)
        if left > 0:
            found[name] = (left, newest)
    return found


def _check_lists(world, records, expected):
    lists = world.of(InboundScheduled)
    for before, after in pairwise(lists):
        assert before.deliveries != after.deliveries, "the same list is not told twice"
    for event in lists:
        keys = [(each.p50, each.delivery_id) for each in event.deliveries]
        assert keys == sorted(keys)
        assert all(each.p50 == each.promised_at < each.p90 for each in event.deliveries)
    first = {record.delivery_id: record.promised_at for record in reversed(records) if hasattr(record, "promised_at")}
    for event in lists:
        assert all(each.first_promised_at == first[each.delivery_id] for each in event.deliveries)
    for each in lists[-1].deliveries if lists else ():
        _, newest = expected[each.delivery_id]
        assert (each.version, each.promised_at, each.status) == (newest.version, newest.promised_at, newest.status)
        assert each.overdue, "100 hours later all dates have passed"


def _mismatches(records):
    found = set()
    for name in NAMES:
        newest, brought = _facts(records, name)
        if newest is None:
            found |= {("in-stock-not-announced", name)} if brought else set()
            continue
        came = max(newest.received_quantity, brought)
        found |= {("received-not-in-stock", name)} if newest.received_quantity > brought else set()
        found |= {("over-delivered", name)} if came > newest.quantity else set()
    return found


def _check_doubts(world, history):
    """What goes on for longer than the grace is told then, once, and nothing else is."""
    now, since, told = START, {}, Counter()
    for index, (_, pause) in enumerate(history):
        found = _mismatches([record for record, _ in history[: index + 1]])
        since = {doubt: since.get(doubt, now) for doubt in found}
        now += pause if index < len(history) - 1 else 100 * HOUR
        told.update({(*doubt, begun) for doubt, begun in since.items() if begun + GRACE.grace <= now} - told.keys())
    assert Counter((each.kind, each.delivery_id, each.since) for each in world.of(SupplyDiscrepancy)) == told
