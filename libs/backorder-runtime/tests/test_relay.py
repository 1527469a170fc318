"""The relay alone: in sequence, cause before effect, and nothing counts as sent before the broker said so."""

import asyncio
from datetime import UTC, datetime

import pytest
from engine_support.paper_loop import PaperPublisher

from backorder_contracts.internal import Origin
from backorder_runtime.outbox import Event, Letter, OutboxBatch
from backorder_runtime.publisher import PublishingFailed
from backorder_runtime.relay import Relay

NOW = datetime(2026, 11, 24, tzinfo=UTC)
CAUSE, EFFECT = "back-order-state", "back-order-queue"
LETTER = Letter(Origin("order-placed", 0, 0), "empty", "empty", (None, None, ()))


def batch(first, *entries):
    events = [each if isinstance(each, Letter) else Event(each, "A@W1", "x", b"{}", None, None) for each in entries]
    return OutboxBatch(first, NOW, events)


@pytest.fixture
async def running():
    publisher = PaperPublisher()
    relay = Relay("gap-detector", 3, publisher, None)
    task = asyncio.create_task(relay.run())
    yield relay, publisher, task
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def numbers(call):
    return [(wire.topic, dict(wire.headers)["ce_id"].decode()) for wire in call]


async def send(relay, *batches):
    relay.put(batches)
    await asyncio.wait_for(relay.room(0), 5)


async def test_each_event_has_its_number_and_goes_out_in_its_order(running):
    relay, publisher, _ = running
    await send(relay, batch(5, CAUSE, CAUSE), batch(7, CAUSE))
    await send(relay, batch(8, CAUSE))
    assert [numbers(call) for call in publisher.calls] == [
        [(CAUSE, "gap-detector.3.5"), (CAUSE, "gap-detector.3.6"), (CAUSE, "gap-detector.3.7")],
        [(CAUSE, "gap-detector.3.8")],
    ]
    assert relay.sent_sequence == 8


async def test_what_is_public_is_confirmed_before_the_rest_of_a_group_is_sent(running):
    relay, publisher, _ = running
    publisher.open.clear()
    relay.put([batch(1, EFFECT, CAUSE), batch(3, EFFECT, LETTER, CAUSE)])
    for _ in range(50):
        await asyncio.sleep(0)
    assert [[wire.topic for wire in call] for call in publisher.calls] == [
        [CAUSE, "gap-detector.dead-letter", CAUSE],
    ]
    publisher.open.set()
    await asyncio.wait_for(relay.room(0), 5)
    assert [wire.topic for wire in publisher.calls[1]] == [EFFECT, EFFECT]


async def test_nothing_is_sent_before_the_broker_has_confirmed_it(running):
    relay, publisher, task = running
    publisher.breaks = PublishingFailed("too large")
    relay.put([batch(1, CAUSE)])
    with pytest.raises(PublishingFailed):
        await asyncio.wait_for(asyncio.shield(task), 5)
    assert relay.sent_sequence == 0
    assert len(relay._waiting) == 1


async def test_who_puts_more_than_the_backlog_waits_until_some_are_confirmed(running):
    relay, publisher, _ = running
    publisher.open.clear()
    relay.put([batch(1, CAUSE), batch(2, CAUSE)])
    waiting = asyncio.create_task(relay.room(1))
    for _ in range(50):
        await asyncio.sleep(0)
    assert not waiting.done()
    publisher.open.set()
    await asyncio.wait_for(waiting, 5)
