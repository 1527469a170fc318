"""The producer's promises: readers rely on order without gaps, so nothing may be lost, doubled or overtaken on its way."""

import asyncio
from types import SimpleNamespace

import pytest
from confluent_kafka import KafkaError, KafkaException

from backorder_runtime.outbox import Wire
from backorder_runtime.permissions import denied
from backorder_runtime.publisher import ProducerBroken, Publisher, PublishingFailed
from backorder_runtime.settings import KafkaSettings


class PaperProducer:
    """Takes records, and answers for them when a test says so."""

    def __init__(self, options, **_):
        self.options = options
        self.answers = []
        self.gives_up = None
        self.defect = None
        self.polled = 0
        self.room = 1_000

    def produce(self, topic, *, on_delivery, **record):
        if self.room == 0:
            raise BufferError("Local: Queue full")
        self.room -= 1
        self.answers.append((topic, record, lambda error: on_delivery(error, SimpleNamespace(topic=lambda: topic))))

    def poll(self, _seconds):
        self.polled += 1
        if self.gives_up:
            raise KafkaException(self.gives_up)
        if self.defect:
            raise self.defect
        return 0

    def purge(self, **_):
        pass

    def flush(self, _seconds):
        return 0


@pytest.fixture
def publisher(monkeypatch):
    monkeypatch.setattr("backorder_runtime.publisher.Producer", PaperProducer)
    made = Publisher(KafkaSettings())
    yield made
    made.close()


def wires(*words):
    return [Wire("order-line", b"A@W1", word.encode(), (), 0) for word in words]


def test_the_producer_is_idempotent_waits_for_all_replicas_and_never_gives_up(publisher):
    options = publisher._producer.options
    assert options["enable.idempotence"] is True
    assert options["enable.gapless.guarantee"] is True
    assert options["acks"] == "all"
    assert options["message.timeout.ms"] == 0


async def test_it_returns_when_each_record_is_confirmed_and_not_before(publisher):
    publishing = asyncio.ensure_future(publisher.publish(wires("one", "two")))
    await asyncio.sleep(0)
    (_, first, confirm_first), (_, second, confirm_second) = publisher._producer.answers
    assert [first["value"], second["value"]] == [b"one", b"two"]
    confirm_second(None)
    for _ in range(20):
        await asyncio.sleep(0)
    assert not publishing.done()
    confirm_first(None)
    await publishing


async def test_one_record_that_is_refused_fails_all_of_them(publisher):
    publishing = asyncio.ensure_future(publisher.publish(wires("one", "two")))
    await asyncio.sleep(0)
    for (_, _, confirm), error in zip(
        publisher._producer.answers, (KafkaError(KafkaError.MSG_SIZE_TOO_LARGE), None), strict=True
    ):
        confirm(error)
    with pytest.raises(PublishingFailed, match=r"MSG_SIZE_TOO_LARGE.*order-line: "):
        await publishing


async def test_a_producer_that_could_not_keep_its_promises_is_broken_and_not_tried_again(publisher):
    publisher._producer.gives_up = KafkaError(KafkaError._FATAL, "a gap", fatal=True)
    while publisher._broken is None:
        await asyncio.sleep(0)
    publishing = asyncio.ensure_future(publisher.publish(wires("one")))
    await asyncio.sleep(0)
    ((_, _, confirm),) = publisher._producer.answers
    confirm(KafkaError(KafkaError._PURGE_QUEUE))
    with pytest.raises(ProducerBroken, match=r"start anew: .*a gap"):
        await publishing


async def test_what_the_producer_reports_in_passing_breaks_nothing(publisher):
    publisher._producer.gives_up = KafkaError(KafkaError._ALL_BROKERS_DOWN)
    polled = publisher._producer.polled
    while publisher._producer.polled < polled + 2:
        await asyncio.sleep(0)
    publishing = asyncio.ensure_future(publisher.publish(wires("one")))
    await asyncio.sleep(0)
    ((_, _, confirm),) = publisher._producer.answers
    confirm(None)
    await publishing


async def test_what_the_broker_refused_first_is_the_cause_of_all_that_fails_after_it(publisher):
    first, second = (asyncio.ensure_future(publisher.publish(wires(word))) for word in ("one", "two"))
    await asyncio.sleep(0)
    (_, _, confirm_first), (_, _, confirm_second) = publisher._producer.answers
    confirm_first(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED))
    publisher._producer.gives_up = KafkaError(KafkaError._GAPLESS_GUARANTEE, "a gap", fatal=True)
    while publisher._broken is None:
        await asyncio.sleep(0)
    confirm_second(KafkaError(KafkaError._PURGE_QUEUE))
    with pytest.raises(PublishingFailed):
        await first
    with pytest.raises(ProducerBroken) as broken:
        await second
    assert "the broker does not permit a topic" in denied(broken.value)
    assert "order-line" in denied(broken.value), "which one"


async def test_a_library_that_is_full_takes_the_rest_in_its_order_when_it_has_room(publisher):
    publisher._producer.room = 1
    publishing = asyncio.ensure_future(publisher.publish(wires("one", "two", "three")))
    async with asyncio.timeout(5):
        for n in range(3):
            while len(publisher._producer.answers) <= n:
                await asyncio.sleep(0)
            publisher._producer.answers[n][2](None)
            publisher._producer.room += 1
        await publishing
    assert [record["value"] for _, record, _ in publisher._producer.answers] == [b"one", b"two", b"three"]


async def test_nobody_waits_for_a_full_library_that_hears_nothing_any_more(publisher):
    publisher._producer.room = 0
    publishing = asyncio.ensure_future(publisher.publish(wires("one")))
    await asyncio.sleep(0)
    publisher._producer.defect = ZeroDivisionError("a defect")
    async with asyncio.timeout(5):
        with pytest.raises(ProducerBroken, match="start anew"):
            await publishing


async def test_what_is_under_way_fails_when_nobody_hears_the_broker_any_more(publisher):
    publishing = [asyncio.ensure_future(publisher.publish(wires(word))) for word in ("one", "two")]
    await asyncio.sleep(0)
    publisher._producer.defect = ZeroDivisionError("a defect")
    async with asyncio.timeout(5):
        for each in publishing:
            with pytest.raises(ProducerBroken, match=r"start anew: .*ZeroDivisionError\('a defect'\)"):
                await each
    assert len(publisher._producer.answers) == len(publishing)


async def test_nothing_is_published_when_nobody_hears_the_broker_any_more(publisher):
    publisher._producer.defect = ZeroDivisionError("a defect")
    while publisher._broken is None:
        await asyncio.sleep(0)
    async with asyncio.timeout(5):
        with pytest.raises(ProducerBroken, match="start anew"):
            await publisher.publish(wires("one"))
    assert publisher._producer.answers == []
