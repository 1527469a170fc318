"""An intake commits where it stands only behind what the broker has confirmed, and publishes nothing it is unsure of."""

import asyncio
import time

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError
from engine_support.paper_loop import PaperConsumer, PaperPublisher
from engine_support.tally import TOPIC

from backorder_contracts.refusal import Reason, Refused
from backorder_runtime.bundle import unpack
from backorder_runtime.clock import utc_now
from backorder_runtime.intake import IntakeRunner
from backorder_runtime.publisher import PublishingFailed
from backorder_runtime.record import Message, Record
from backorder_runtime.refusal_limit import TooManyRefused
from backorder_runtime.settings import EngineSettings, Settings
from backorder_runtime.telemetry import LAG_RECORDS, LAG_SECONDS

PLACE = TopicPartition(TOPIC, 3)
LANE = "A@W1"
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Words:
    topics = (TOPIC,)

    def translate(self, record):
        if record.value == b"bad":
            raise Refused(Reason.NOT_JSON, "the word is bad")
        return [Message("order-line", LANE, "word", b"{}")]


@pytest.fixture
def consumer():
    made = PaperConsumer()
    made.group[PLACE] = 0
    return made


@pytest.fixture
def intake(monkeypatch, consumer):
    monkeypatch.setattr("backorder_runtime.consumer.new_consumer", lambda *_, **__: consumer)
    settings = Settings(engine=EngineSettings(pace=0, poll=0.001))
    made = IntakeRunner("gap-detector", Words(), settings, PaperPublisher(), utc_now)
    consumer.give(PLACE)
    made._on_assigned(frozenset({PLACE}))
    return made


async def turn(intake):
    await intake._turn(asyncio.Event())
    await intake._confirmed(asyncio.Event())
    await intake._commit()


async def test_it_stands_behind_what_was_confirmed(intake, consumer):
    consumer.append(LANE, "one")
    consumer.append(LANE, "bad")
    await turn(intake)
    assert consumer.group[PLACE] == 2
    (wires,) = intake._publisher.calls
    assert {wire.topic for wire in wires} == {"order-line", "gap-detector.dead-letter"}


async def test_what_was_not_confirmed_is_translated_again(intake, consumer):
    consumer.append(LANE, "one")
    intake._publisher.breaks = PublishingFailed("too large")
    with pytest.raises(PublishingFailed):
        await turn(intake)
    await intake._commit()
    assert consumer.group[PLACE] == 0


async def test_a_version_that_refuses_everything_publishes_nothing_of_it(intake, consumer):
    for _ in range(60):
        consumer.append(LANE, "bad")
    with pytest.raises(TooManyRefused):
        await turn(intake)
    await intake._commit()
    assert consumer.group[PLACE] == 0
    assert not intake._publisher.calls


async def test_it_reads_nothing_before_it_knows_where_its_group_stood(intake, consumer):
    for word in ("one", "two", "three"):
        consumer.append(LANE, word)
    consumer.group[PLACE] = 2
    consumer.at[PLACE] = 0  # the client fetches from somewhere at once
    await turn(intake)
    assert consumer.group[PLACE] == 3
    (wires,) = intake._publisher.calls
    assert [dict(wire.headers)["ce_id"] for wire in wires] == [f"gap-detector.intake.{TOPIC}.3.2.0".encode()]


async def test_what_was_translated_is_confirmed_while_the_next_is_read_and_before_that_is_published(intake, consumer):
    intake._publisher.open.clear()
    consumer.append(LANE, "one")
    await intake._turn(asyncio.Event())
    await intake._commit()
    assert consumer.group[PLACE] == 0
    consumer.append(LANE, "two")
    second = asyncio.ensure_future(intake._turn(asyncio.Event()))
    while consumer.at[PLACE] != 2:
        await asyncio.sleep(0)
    for _ in range(20):  # whoever does not wait is far ahead by then
        await asyncio.sleep(0)
    assert len(intake._publisher.calls) == 1
    intake._publisher.open.set()
    await second
    await intake._confirmed(asyncio.Event())
    await intake._commit()
    assert len(intake._publisher.calls) == 2
    assert consumer.group[PLACE] == 2


async def test_where_others_have_got_to_is_not_overwritten(intake, consumer):
    intake._publisher.open.clear()
    consumer.append(LANE, "one")
    await intake._turn(asyncio.Event())
    intake._on_revoked(frozenset({PLACE}))
    intake._publisher.open.set()
    await intake._confirmed(asyncio.Event())
    consumer.group[PLACE] = 7
    await intake._commit()
    assert consumer.group[PLACE] == 7


async def test_where_others_have_got_to_is_not_overwritten_either_when_it_is_ours_again(intake, consumer):
    consumer.append(LANE, "one")
    await intake._turn(asyncio.Event())
    await intake._confirmed(asyncio.Event())
    intake._on_revoked(frozenset({PLACE}))
    consumer.group[PLACE] = 7
    intake._on_assigned(frozenset({PLACE}))
    await intake._commit()
    assert consumer.group[PLACE] == 7


async def test_a_commit_that_failed_is_made_up_for(intake, consumer, monkeypatch):
    async def away(_offsets):
        raise KafkaConnectionError

    consumer.append(LANE, "one")
    with monkeypatch.context() as broker:
        broker.setattr(consumer, "commit", away)
        await turn(intake)
    assert consumer.group[PLACE] == 0
    await turn(intake)
    assert consumer.group[PLACE] == 1


async def test_while_the_broker_is_away_it_waits_and_is_alive_and_shows_how_far_it_is_behind(
    intake, consumer, monkeypatch
):
    monkeypatch.setattr("backorder_runtime.lifecycle._GLANCE", 0.001)
    intake._publisher.open.clear()
    consumer.append(LANE, "one")
    await intake._turn(asyncio.Event())
    beats = []
    monkeypatch.setattr(intake.heartbeat, "beat", lambda: beats.append(1))
    waiting = asyncio.ensure_future(intake._turn(asyncio.Event()))
    deadline = time.monotonic() + 10
    while len(beats) < 3 and time.monotonic() < deadline:
        await asyncio.sleep(0)
    assert len(beats) >= 3
    assert LAG_RECORDS.labels(TOPIC, "3")._value.get() == 1
    assert LAG_SECONDS.labels(TOPIC, "3")._value.get() > 0
    intake._publisher.open.set()
    await waiting
    intake._on_revoked(frozenset({PLACE}))
    assert (TOPIC, "3") not in LAG_RECORDS._metrics, "it is for others to show now"


async def test_while_the_broker_is_away_it_can_be_stopped_and_what_it_has_read_is_for_the_next_process(
    intake, consumer
):
    intake._publisher.open.clear()
    consumer.append(LANE, "one")
    stop = asyncio.Event()
    await intake._turn(stop)
    consumer.append(LANE, "two")
    waiting = asyncio.ensure_future(intake._turn(stop))
    while consumer.at[PLACE] != 2:
        await asyncio.sleep(0)
    stop.set()
    await asyncio.wait_for(waiting, 10)
    await intake._commit()
    assert (consumer.group[PLACE], len(intake._publisher.calls)) == (0, 1)


async def test_it_stands_behind_the_marks_of_transactions(intake, consumer):
    consumer.append(LANE, "one")
    consumer.mark(PLACE)
    await turn(intake)
    assert consumer.group[PLACE] == 2
    intake._export()
    assert LAG_RECORDS.labels(TOPIC, "3")._value.get() == 0
    consumer.mark(PLACE)  # of one that was given up before it said anything
    await turn(intake)
    assert consumer.group[PLACE] == 3


async def test_a_mark_is_passed_no_sooner_than_what_stands_before_it_is_confirmed(intake, consumer):
    intake._publisher.open.clear()
    consumer.append(LANE, "one")
    consumer.mark(PLACE)
    await intake._turn(asyncio.Event())
    await asyncio.sleep(0)  # the broker has it now
    await intake._commit()
    assert consumer.group[PLACE] == 0
    intake._publisher.open.set()
    await intake._confirmed(asyncio.Event())
    await intake._commit()
    assert consumer.group[PLACE] == 2


@pytest.mark.parametrize("header", ["traceparent", "ce_traceparent"])
@pytest.mark.parametrize(
    ("given", "is_taken"), [(TRACE, True), (TRACE + "-more", False), (TRACE[:54], False), ("x" * 30_000, False)]
)
async def test_what_is_no_trace_is_carried_into_no_message(intake, consumer, header, given, is_taken):
    consumer.append(LANE, "one", (header, given.encode()))
    await turn(intake)
    ((wire,),) = intake._publisher.calls
    (message,) = unpack(Record(wire.topic, 0, 0, wire.key, wire.value, wire.headers))
    trace = message.header("traceparent")
    assert (trace == TRACE) is is_taken
    assert len(trace) == 55
