"""What a stopped lane kept takes effect when it goes on, though its order went on without it."""

from types import SimpleNamespace

import asyncpg
import msgspec
import pytest
from ledger_desk import PART, Story, cancel, order
from msgspec.structs import asdict

from backorder_contracts.internal import LineRef
from backorder_runtime import store
from backorder_runtime.batch import Batch, Defect
from backorder_runtime.bundle import TYPE, Bundler
from backorder_runtime.clock import utc_now
from backorder_runtime.record import Message, Record
from backorder_runtime.shard import Shard
from backorder_runtime.transaction import run
from gap_detector.domain.events import LineCancelled
from gap_detector.domain.model import KeptCancellation, Ledger, Place
from gap_detector.domain.spread import addressed, spread
from gap_detector.handlers import READERS, TOPICS, GapLedger

SICK, WELL = f"{PART}@W1", f"{PART}@W2"


class Sick(GapLedger):
    """Cannot cancel in one lane."""

    def decide(self, arrived, now):
        if arrived.lane == SICK and isinstance(arrived.event, LineCancelled):
            raise ZeroDivisionError("a defect")
        return super().decide(arrived, now)


@pytest.fixture
async def pool(database):
    async with asyncpg.create_pool(await database.migrated("gap_detector"), min_size=1, max_size=1) as made:
        yield made


async def claimed(pool, handler):
    async with pool.acquire() as conn:
        claim = await store.claim(conn, 0, "test", dict.fromkeys(TOPICS, 0))
        parked = await store.parked_lanes(conn, 0)
    relay = SimpleNamespace(sent_sequence=claim.next_sequence - 1)
    return Shard(0, 1, claim, parked, handler, relay, frozenset(), None, READERS)


async def stopped(pool, shard, *lanes):
    """These lanes take nothing more."""
    shard.parked.update(lanes)
    statement = "INSERT INTO parked_lane (shard, lane, error, since) VALUES (0, $1, 'a defect', now())"
    await pool.executemany(statement, [(lane,) for lane in lanes])


async def cancelling(pool):
    """How many units of each line the queue was asked to cancel."""
    return dict(await pool.fetch("SELECT line_id, cancelling FROM line"))


def bundled(shard, *said):
    """What is said to lanes, in one bundle; nothing in none."""
    bundler = Bundler(1)
    for lane, value in said:
        bundler.add(Message("order-line", lane, "order-line", value), None)
    place, headers = shard.place("order-line").next_offset, (("ce_type", TYPE.encode()),)
    return [Record("order-line", 0, place, None, bundle.value, headers) for bundle in bundler.take()]


async def takes(pool, shard, *messages, suspects=None):
    """The messages in one bundle, as the intake sends them."""
    records = bundled(shard, *((addressed(message)[0], msgspec.json.encode(message)) for message in messages))
    await run(pool, [Batch(shard, records, due=not records, suspects=suspects)], utc_now)


async def test_a_cancellation_that_a_stopped_lane_kept_counts_when_it_goes_on_and_once(pool):
    message = cancel("A", L1=1, L2=2, L3=1)
    sick = await claimed(pool, Sick(0, 100))
    await takes(pool, sick, order("A", 4), order("A/2", 4), order("A/3", 4, location="W2"))
    with pytest.raises(Defect) as found:
        await takes(pool, sick, message)
    sick = await claimed(pool, Sick(0, 100))
    await takes(pool, sick, message, suspects=found.value.lanes)
    await takes(pool, sick, message)
    assert (await cancelling(pool), sick.parked) == ({"1": 0, "2": 0, "3": 1}, {SICK})
    mended = await claimed(pool, GapLedger(0, 100))
    await pool.execute("UPDATE parked_lane SET resume = true")
    for _ in range(2):
        await takes(pool, mended)
    assert (await cancelling(pool), mended.parked) == ({"1": 1, "2": 2, "3": 1}, set())


@pytest.mark.parametrize("portion", [1, 250])
async def test_a_line_that_a_stopped_lane_kept_takes_a_cancellation_once_when_it_goes_on(pool, monkeypatch, portion):
    monkeypatch.setattr(store, "_KEPT_AT_ONCE", portion)
    sick = await claimed(pool, Sick(0, 100))
    await takes(pool, sick, order("A", 4), order("A/3", 4, location="W2"))
    await stopped(pool, sick, SICK, WELL)
    await takes(pool, sick, order("A/2", 4))
    await takes(pool, sick, cancel("A", L1=1, L2=1, L3=1))
    mended = await claimed(pool, GapLedger(0, 100))
    await pool.execute("UPDATE parked_lane SET resume = true")
    for _ in range(4):
        await takes(pool, mended)
    assert (await cancelling(pool), mended.parked) == ({"1": 1, "2": 0, "3": 1}, set())
    assert await pool.fetchval("SELECT cancelled FROM line WHERE line_id = '2'") == 1


async def test_a_stopped_lane_keeps_of_a_bundle_the_message_that_is_for_it(pool):
    sick = await claimed(pool, Sick(0, 100))
    await takes(pool, sick, order("A", 4), order("B", 4, location="W2"))
    await stopped(pool, sick, SICK)
    await takes(pool, sick, order("C", 1, location="W2"), order("D", 2), order("E", 3, location="W2"))
    assert await pool.fetch("SELECT DISTINCT order_id FROM line WHERE order_id = 'D'") == []
    mended = await claimed(pool, GapLedger(0, 100))
    await pool.execute("UPDATE parked_lane SET resume = true")
    await takes(pool, mended)
    assert await pool.fetchval("SELECT lane FROM line WHERE order_id = 'D'") == SICK


async def test_of_a_bundle_what_cannot_be_read_is_a_dead_letter_and_the_rest_is_placed(pool):
    ledger = await claimed(pool, GapLedger(0, 100))
    values = (msgspec.json.encode(order("A", 4)), b'{"type": "placed"}', msgspec.json.encode(order("B", 4)))
    batch = Batch(ledger, bundled(ledger, *((SICK, value) for value in values)), due=False)
    assert [letter.copy[1] for letter in batch.outcome.entries] == [b'{"type": "placed"}']
    await run(pool, [batch], utc_now)
    assert [row[0] for row in await pool.fetch("SELECT order_id FROM line ORDER BY 1")] == ["A", "B"]


def test_what_was_kept_for_a_lane_is_no_repetition_there():
    ledger, message = Ledger(), cancel("A")
    known = ledger.order("A")
    known.places = {"1": Place(SICK, ours=True), "2": Place(WELL, ours=True)}
    known.cancellations[message.cancellation_id] = KeptCancellation(**asdict(message))
    assert [lane for lane, _ in spread(ledger, "order A", message, SICK)].count(SICK) == 1
    assert spread(ledger, "order A", message) == ()
    assert spread(ledger, "order A", message, "order A") == ()


def test_what_was_kept_for_a_lane_means_the_lines_that_were_there_when_it_came():
    message, story = cancel("A", L1=1, L2=1), Story().when(order("A", 4))
    story.when(message, order("A/2", 4)).with_line("A/2", cancelled=1)
    again = spread(story.ledger, "order A", message, SICK)
    assert [event.ref for _, event in again] == [LineRef("A", "1")]
