"""The lanes in a real database: in whatever batches records come, and whatever is forgotten in between."""

import random
from datetime import UTC, datetime

import asyncpg
import pytest
from msgspec.structs import replace
from supply_world import CALM, HOUR, MODELS, START, World, delivery, received, stock

from backorder_contracts import identity
from backorder_contracts.internal import DeliveryEntry
from backorder_contracts.supply import InboundScheduled, SupplyDiscrepancy
from backorder_runtime.asking import together
from backorder_runtime.bundle import Bundler
from backorder_runtime.handler import Arrived
from backorder_runtime.outcome import Outcome
from backorder_runtime.record import DeadLetter, Latest, Message
from backorder_runtime.store import Outdated
from inventory_sync.domain.model import Rules
from inventory_sync.handlers import Positions

pytestmark = pytest.mark.stack


@pytest.fixture
async def connect(database):
    """Opens connections to the service's schema."""
    url = await database.migrated("inventory_sync")
    opened = []

    async def one():
        opened.append(await asyncpg.connect(url))
        return opened[-1]

    yield one
    for connection in opened:
        await connection.close()


def arrived(entry):
    return Arrived(identity.lane(entry.part_id, entry.location_id), entry)


def decided(handler, entries):
    """What a loaded handler makes of entries."""
    effects = []
    for entry in entries:
        for each in handler.spread(arrived(entry), None):
            effects += handler.evolve(each, handler.decide(each, START), START)
    return effects


async def run(handler, connection, entries):
    async with connection.transaction():
        await together(connection, {0: handler.load([arrived(entry) for entry in entries])})
        effects = decided(handler, entries)
        await together(connection, {0: handler.save()})
    return effects


def published(effects):
    """The events that a batch with these effects publishes."""
    outcome = Outcome(Bundler(1))
    outcome.take([effect for effect in effects if isinstance(effect, Message | Latest)], None)
    outcome.complete()
    return [MODELS[entry.type].model_validate_json(entry.value) for entry in outcome.entries]


def only_the_last_list(events):
    """The same without the lists of deliveries that others follow."""
    lists = [place for place, event in enumerate(events) if isinstance(event, InboundScheduled)]
    return [event for place, event in enumerate(events) if place not in lists[:-1]]


async def test_a_stale_feed_is_told_once_whoever_owns_the_lane(connect):
    connection = await connect()
    ours = Positions(Rules(), 1_000)

    async def told(handler, *entries):
        events = published(await run(handler, connection, entries))
        return [(event.kind, event.found) for event in events if isinstance(event, SupplyDiscrepancy)]

    def before(version, on_hand):
        # the database notes by its own clock when a version came
        return replace(stock(version, on_hand), occurred_at=datetime.now(UTC) - 2 * HOUR)

    def after(version, on_hand):
        return replace(stock(version, on_hand), occurred_at=datetime.now(UTC) + 2 * HOUR)

    assert await told(ours, before(900, 8), before(5, 4)) == []
    assert await told(ours, before(4, 3)) == []
    assert await told(ours, after(1, 7)) == [("stock-feed-stale", 7)]
    assert await told(ours, after(2, 6)) == []
    assert await told(Positions(Rules(), 1_000), after(3, 6)) == []
    assert await told(ours, after(901, 6)) == []
    assert await told(ours, after(6, 5)) == [("stock-feed-stale", 5)]
    await connection.execute("INSERT INTO forgotten_version SELECT lane, version FROM lane")
    await connection.execute("DELETE FROM stock_version")
    assert await told(Positions(Rules(), 1_000), after(7, 5)) == []
    await connection.execute("DELETE FROM stale_feed")
    assert await told(Positions(Rules(), 1_000), after(8, 4)) == [("stock-feed-stale", 4)]


def some_history(seed):
    """Records of both feeds in any order, with repetitions and contradictions."""
    chance = random.Random(seed)
    records = []
    for version in chance.sample(range(60), 25):
        level = chance.randrange(50)
        records.append(
            chance.choice(
                (
                    stock(version, level),
                    stock(version, level, shipped=[(f"SO-{version}", 1 + chance.randrange(4))]),
                    received(version, level, f"PO-{chance.randrange(4)}", 1 + chance.randrange(9)),
                )
            )
        )
    for name in range(4):
        for version in chance.sample(range(9), 4):
            status = chance.choice(("promised", "received", "cancelled"))
            due = chance.randrange(-5, 50) * HOUR
            got = chance.randrange(12)
            records.append(
                delivery(
                    version,
                    1 + chance.randrange(12),
                    name=f"PO-{name}",
                    status=status,
                    got=got,
                    due=due,
                    offset=100 * name + version,
                )
            )
    records += chance.sample(records, 10)
    chance.shuffle(records)
    contradicting = [replace(record, on_hand=99) for record in records[-5:] if not isinstance(record, DeliveryEntry)]
    return records + contradicting + contradicting


@pytest.mark.parametrize("cached_lanes", [1, 1_000])
@pytest.mark.parametrize("seed", range(6))
async def test_batches_and_forgetting_change_nothing_that_is_published(connect, seed, cached_lanes):
    connection = await connect()
    chance = random.Random(seed)
    handler = Positions(CALM, cached_lanes)
    history = some_history(seed)
    world = World(CALM)
    letters = []
    while history:
        size = chance.randrange(1, 9)
        batch, history = history[:size], history[size:]
        effects = await run(handler, connection, batch)
        assert published(effects) == only_the_last_list(world.take(*batch))
        letters += [effect for effect in effects if isinstance(effect, DeadLetter)]
        if chance.random() < 0.2:
            handler = Positions(CALM, cached_lanes)  # as after a claim
    assert letters == world.letters
    assert letters


async def test_the_newest_version_is_known_again_in_the_next_batch(connect):
    connection = await connect()
    handler = Positions(Rules(), 10)
    record = stock(1, 5, shipped=[("SO-1", 2)])
    assert len(await run(handler, connection, [record])) == 1
    assert await run(handler, connection, [record]) == []


async def test_that_a_version_is_contested_is_known_in_the_next_batch(connect):
    connection = await connect()
    handler = Positions(Rules(), 10)
    await run(handler, connection, [stock(1, 5)])
    said = [await run(handler, connection, [stock(1, level)]) for level in (6, 7)]
    assert [[type(effect) for effect in effects] for effects in said] == [[DeadLetter, Message], [DeadLetter]]


async def test_two_shards_cannot_both_have_a_delivery(connect):
    one, two = Positions(Rules(), 10), Positions(Rules(), 10)
    here, there = delivery(1), replace(delivery(1), location_id="M", origin=delivery(1, offset=7).origin)
    first, second = await connect(), await connect()

    async def too_late():
        async with second.transaction():
            await together(second, {1: two.load([arrived(there)])})
            decided(two, [there])
            await run(one, first, [here])
            await together(second, {1: two.save()})

    with pytest.raises(Outdated):
        await too_late()
    again = await run(Positions(Rules(), 10), second, [there])
    assert [effect.reason for effect in again] == ["conflicting-duplicate"]
    assert again[0].origin == there.origin


async def test_what_no_batch_needs_does_not_stay_in_memory(connect):
    connection = await connect()
    handler = Positions(Rules(), 1_000)
    entries = [
        entry
        for n in range(200)
        for entry in (
            stock(n, 5, shipped=[("SO", 1)]),
            delivery(1, name=f"PO-{n}"),
            delivery(2, name=f"PO-{n}", status="cancelled"),
        )
    ]
    for start in range(0, len(entries), 60):
        await run(handler, connection, entries[start : start + 60])
    lane = handler._lanes["P@L"]
    assert (lane.seen, lane.deliveries, handler._places) == ({}, {}, {})
    small = Positions(Rules(), 50)
    for n in range(120):
        await run(small, connection, [replace(stock(1, 5), part_id=f"P{n}")])
    assert len(small._lanes) <= 50
