"""The relay alone: in sequence, cause before effect, and nothing counts as sent before the broker said so."""

import asyncio
from collections import Counter
from datetime import UTC, datetime

import pytest
from aiokafka.client import AIOKafkaClient
from engine_support.bench import Bench
from engine_support.paper_loop import PaperPublisher

from backorder_contracts.internal import Origin
from backorder_runtime.dead_letters import OriginReader
from backorder_runtime.outbox import Event, Letter, OutboxBatch, Wire
from backorder_runtime.publisher import PublishingFailed
from backorder_runtime.relay import Relay

NOW = datetime(2026, 11, 24, tzinfo=UTC)
CAUSE, EFFECT, DEAD_LETTERS = "back-order-state", "back-order-queue", "gap-detector.dead-letter"
LETTER = Letter(Origin("order-placed", 0, 0), "empty", "empty", (None, None, ()))


def batch(first, *entries):
    events = [each if isinstance(each, Letter) else Event(each, "A@W1", "x", b"{}", None, None) for each in entries]
    return OutboxBatch(first, NOW, events)


def lacking(*offsets):
    """Letters of records that have to be read again."""
    return [Letter(Origin("order-placed", 0, offset), "empty", "empty", None) for offset in offsets]


class PaperOrigins:
    """Has every record but that at offset 13, three of them at a time; while it is not `open`, it reads none."""

    def __init__(self):
        self.open = asyncio.Event()
        self.open.set()

    async def read(self, origins):
        await self.open.wait()
        found = sorted(origins, key=lambda origin: origin.offset)[:3]
        return {origin: None if origin.offset == 13 else (b"k", b"%d" % origin.offset, ()) for origin in found}


@pytest.fixture
async def running():
    publisher = PaperPublisher()
    relay = Relay("gap-detector", 3, publisher, PaperOrigins())
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
    relay.put([batch(1, EFFECT, CAUSE), batch(3, EFFECT, CAUSE)])
    for _ in range(50):
        await asyncio.sleep(0)
    assert [[wire.topic for wire in call] for call in publisher.calls] == [[CAUSE, CAUSE]]
    publisher.open.set()
    await asyncio.wait_for(relay.room(0), 5)
    assert [wire.topic for wire in publisher.calls[1]] == [EFFECT, EFFECT]


async def test_events_do_not_wait_for_letters_and_nothing_counts_as_sent_before_these_are(running):
    relay, publisher, _ = running
    relay._origins.open.clear()
    relay.put([batch(1, *lacking(1), LETTER, EFFECT, CAUSE)])
    for _ in range(50):
        await asyncio.sleep(0)
    assert [[wire.topic for wire in call] for call in publisher.calls] == [[CAUSE], [EFFECT], [DEAD_LETTERS]]
    assert (relay.sent_sequence, relay.pending) == (0, 1)
    relay._origins.open.set()
    await asyncio.wait_for(relay.room(0), 5)
    assert [wire.topic for wire in publisher.calls[3]] == [DEAD_LETTERS]
    assert relay.sent_sequence == 4


async def test_records_that_are_read_again_are_sent_as_they_come_each_in_the_letter_that_is_about_it(running):
    relay, publisher, _ = running
    await send(relay, batch(1, *lacking(5, 13, 2, 7)), batch(5, *lacking(1)))
    sent = [{dict(wire.headers)["dlq-offset"]: wire.value for wire in call} for call in publisher.calls]
    assert sent == [{b"1": b"1", b"2": b"2", b"5": b"5"}, {b"7": b"7", b"13": None}]
    (gone,) = [dict(wire.headers) for wire in publisher.calls[1] if wire.value is None]
    assert gone["dlq-detail"] == b"empty; its topic no longer has the record"


async def test_of_very_many_letters_those_that_were_sent_are_not_begun_with_again(running):
    relay, publisher, task = running
    relay._origins.open.clear()
    relay.put([batch(1 + 400 * n, *[LETTER] * 400) for n in range(3)])
    relay.put([batch(1_201, *lacking(1))])
    for _ in range(50):
        await asyncio.sleep(0)
    task.cancel()
    assert [len(call) for call in publisher.calls] == [1_200]
    assert (relay.sent_sequence, relay.pending) == (1_200, 1)


@pytest.mark.stack
async def test_two_thousand_refused_records_take_a_broker_a_handful_of_requests(bench: Bench, monkeypatch) -> None:
    sent = [Wire("order-placed", b"k", b"%d" % n * 100, (("n", b"%d" % n),), n % 4) for n in range(2_000)]
    await bench.publisher.publish(sent)
    stands = {(b"%d" % r.partition, b"%d" % r.offset): r for r in await bench.values("order-placed")}
    requests: Counter[str] = Counter()
    request_of = AIOKafkaClient.send

    async def counted(self, node, request, **options):
        requests[type(request).__name__] += 1
        return await request_of(self, node, request, **options)

    monkeypatch.setattr(AIOKafkaClient, "send", counted)
    origins = OriginReader(bench.settings.kafka)
    relay = Relay("gap-detector", 0, bench.publisher, origins)
    letters = [Letter(Origin("order-placed", r.partition, r.offset), "empty", "", None) for r in stands.values()]
    relay.put([batch(1 + n, *letters[n : n + 500]) for n in range(0, 2_000, 500)])
    task = asyncio.create_task(relay.run())
    await asyncio.wait_for(relay.room(0), 60)
    task.cancel()
    await origins.close()
    requests, told = requests.copy(), await bench.values(DEAD_LETTERS)  # which asks the broker, too
    found = {(dict(r.headers)["dlq-partition"], dict(r.headers)["dlq-offset"]): r for r in told}
    assert found.keys() == stands.keys()
    for where, record in stands.items():
        assert (found[where].value, found[where].headers[0]) == (record.value, record.headers[0])
    assert requests["FetchRequest"] <= 40, requests
    assert requests["OffsetRequest"] <= 20, requests


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
