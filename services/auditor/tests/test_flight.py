"""Every place in which a message between the ledgers can be at the moment of the snapshot is looked at."""

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError
from audit_books import EVER, NOW, SETTINGS

from auditor.audit import audit
from auditor.flight import TOPICS, in_flight
from backorder_runtime import store
from backorder_runtime.bundle import Bundler
from backorder_runtime.outbox import Event, OutboxBatch
from backorder_runtime.record import Message, Record
from backorder_runtime.settings import KafkaSettings

READERS = {"back-order-queue": "priority_router", "back-order-need": "gap_detector"}


@pytest.fixture
async def kafka(broker, ledgers):
    """The broker, of which both ledgers have read everything."""
    settings = KafkaSettings(bootstrap_servers=broker.bootstrap_servers)
    places = [TopicPartition(topic, number) for topic in TOPICS for number in range(settings.partitions)]
    consumer = AIOKafkaConsumer(bootstrap_servers=broker.bootstrap_servers)
    await consumer.start()
    try:
        ends = await consumer.end_offsets(places)
    finally:
        await consumer.stop()
    for schema in READERS.values():
        await ledgers.admin.execute(f"INSERT INTO {schema}.shard (shard) SELECT generate_series(0, 3)")
    for place, end in ends.items():
        statement = f"INSERT INTO {READERS[place.topic]}.shard_input VALUES ($1, $2, $3)"  # noqa: S608
        await ledgers.admin.execute(statement, place.partition, place.topic, end)
    return settings


def bundle_of(*lanes):
    bundler = Bundler(1)
    for lane in lanes:
        bundler.add(Message("back-order-queue", lane, "x", b"{}"), None)
    return bundler.take()[0].value


async def produce(kafka, topic, partition, *lanes):
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap_servers)
    await producer.start()
    try:
        for lane in lanes:
            await producer.send_and_wait(topic, bundle_of(lane), partition=partition)
    finally:
        await producer.stop()


async def found(ledgers, kafka, settings=SETTINGS):
    async with ledgers.reader.transaction(isolation="repeatable_read", readonly=True):
        return await in_flight(ledgers.reader, kafka, settings)


async def keep(ledgers, schema, topic, *lanes):
    events = [Event(topic, None, "bundle", bundle_of(*lanes), None, None, 0)]
    batch = OutboxBatch(1, NOW, events)
    statement = f"INSERT INTO {schema}.outbox VALUES (0, 1, $1, $2, $3)"  # noqa: S608
    await ledgers.admin.execute(statement, len(events), NOW, batch.payload())


async def test_nothing_is_under_way_in_a_system_at_rest(ledgers, kafka):
    flight = await found(ledgers, kafka)
    assert (flight.lanes, flight.shards) == (set(), set())


async def test_messages_in_the_outbox_are_under_way_and_events_for_others_are_not(ledgers, kafka):
    await keep(ledgers, "gap_detector", "back-order-queue", "A@W1", "B@W1")
    await keep(ledgers, "priority_router", "back-order-need", "C@W1")
    assert (await found(ledgers, kafka)).lanes == {"A@W1", "B@W1", "C@W1"}
    await ledgers.admin.execute("DELETE FROM priority_router.outbox")
    await keep(ledgers, "priority_router", "back-order-state", "D@W1")
    assert (await found(ledgers, kafka)).lanes == {"A@W1", "B@W1"}


async def test_messages_that_nobody_has_read_are_under_way(ledgers, kafka):
    await produce(kafka, "back-order-queue", 1, "A@W1", "B@W1", "A@W1")
    await produce(kafka, "back-order-need", 3, "ä@W1")
    flight = await found(ledgers, kafka)
    assert (flight.lanes, flight.shards) == ({"A@W1", "B@W1", "ä@W1"}, set())
    statement = "UPDATE priority_router.shard_input SET next_offset = next_offset + 2 WHERE shard = 1"
    await ledgers.admin.execute(statement)
    assert (await found(ledgers, kafka)).lanes == {"A@W1", "ä@W1"}


async def test_a_shard_that_nobody_has_ever_claimed_is_read_from_its_beginning(ledgers, kafka):
    await produce(kafka, "back-order-queue", 2, "NEW@W1")
    await ledgers.admin.execute("DELETE FROM priority_router.shard_input WHERE shard = 2")
    assert "NEW@W1" in (await found(ledgers, kafka)).lanes


async def test_a_shard_far_behind_is_left_out_as_a_whole(ledgers, kafka):
    await produce(kafka, "back-order-queue", 2, "A@W1", "B@W1", "C@W1")
    await produce(kafka, "back-order-queue", 1, "D@W1")
    flight = await found(ledgers, kafka, SETTINGS.model_copy(update={"backlog": 2}))
    assert (flight.lanes, flight.shards) == ({"D@W1"}, {2})
    flight = await found(ledgers, kafka, SETTINGS.model_copy(update={"patience": 1e-9}))
    assert flight.shards == {1, 2}


async def test_inputs_of_a_parked_lane_are_under_way(ledgers, kafka):
    record = Record("back-order-queue", 0, 7, b"P@W1", b"{}")
    async with ledgers.admin.transaction():
        await ledgers.admin.execute("SET LOCAL search_path = priority_router")
        await store.park(ledgers.admin, 0, {"P@W1": "a defect"}, [("P@W1", record)], NOW)
    assert (await found(ledgers, kafka)).lanes == {"P@W1"}


async def test_a_message_that_is_sent_between_snapshot_and_look_explains_a_difference(ledgers, kafka):
    """The order of the two looks is the whole point: whatever left the outbox is in the topic already."""
    await ledgers.waiting("A@W1")
    await ledgers.admin.execute("UPDATE gap_detector.lane SET handed = handed + 1, needed = needed - 1")
    await keep(ledgers, "gap_detector", "back-order-queue", "A@W1")
    report = await audit(ledgers.reader, kafka, SETTINGS, EVER)
    assert (report.checked, report.in_flight, report.drifting) == (0, 1, 0)
    await produce(kafka, "back-order-queue", 0, "A@W1")
    await ledgers.admin.execute("DELETE FROM gap_detector.outbox")
    report = await audit(ledgers.reader, kafka, SETTINGS, EVER)
    assert (report.checked, report.in_flight, report.drifting) == (0, 1, 0)
    await ledgers.admin.execute("UPDATE priority_router.shard_input SET next_offset = next_offset + 1 WHERE shard = 0")
    report = await audit(ledgers.reader, kafka, SETTINGS, EVER)
    assert (report.checked, report.in_flight, report.drifting) == (1, 0, 1)


async def test_without_a_broker_nothing_is_said(ledgers):
    nowhere = KafkaSettings(bootstrap_servers="127.0.0.1:1")
    with pytest.raises(KafkaError):
        await audit(ledgers.reader, nowhere, SETTINGS, EVER)
