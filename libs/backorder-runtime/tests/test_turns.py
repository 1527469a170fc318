"""When a loop reads: not while it rests, and not what was taken away meanwhile."""

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import GroupAuthorizationFailedError, KafkaError
from engine_support.paper_loop import LANES, PaperConsumer
from engine_support.tally import TOPIC

from backorder_runtime.consumer import new_consumer
from backorder_runtime.settings import EngineSettings, KafkaSettings
from backorder_runtime.turns import Turns

A = LANES[3]
PLACE = TopicPartition(TOPIC, 3)


@pytest.fixture
def consumer():
    made = PaperConsumer()
    made.give(PLACE)
    made.seek(PLACE, 0)
    made.pause(PLACE)
    return made


async def test_what_was_taken_away_during_the_rest_is_not_read(consumer):
    turns = Turns(consumer, "service", EngineSettings(pace=0.02))
    held = {PLACE}
    assert await turns.read(lambda: set(held), 0) == []

    async def rest_until_revoked():
        held.clear()

    turns._rest = rest_until_revoked
    consumer.append(A, "one")
    assert await turns.read(lambda: set(held), 0) == []


async def test_what_was_taken_away_while_the_broker_was_asked_is_no_longer_paused(consumer):
    turns, read = Turns(consumer, "service", EngineSettings(pace=0)), consumer.getmany

    async def revoked_meanwhile(*places, **options):
        consumer.give()
        return await read(*places, **options)

    consumer.getmany = revoked_meanwhile
    assert await turns.read(lambda: {PLACE}, 0.1) == []


async def test_nothing_is_fetched_between_two_reads_unless_there_is_plenty(consumer):
    turns = Turns(consumer, "service", EngineSettings(pace=0, together_bytes=3))
    consumer.append(A, "one")
    assert [record.value for record in await turns.read(lambda: {PLACE}, 0.1)] == [b"one"]
    assert (turns.plenty, consumer.paused) == (False, {PLACE})
    consumer.append(A, "more than three bytes")
    await turns.read(lambda: {PLACE}, 0.1)
    assert (turns.plenty, consumer.paused) == (True, set())


async def test_a_fetch_is_under_way_beside_work_that_goes_on_by_itself_and_waits_for_none(consumer):
    turns = Turns(consumer, "service", EngineSettings(pace=0))
    assert await turns.read(lambda: {PLACE}, 0) == []
    assert consumer.paused == set(), "or nothing would be read until that work ends"


@pytest.mark.parametrize(("worked", "rests"), [(0.0, 0.03), (0.02, 0.01), (0.08, 0.02), (0.3, 0.05)])
async def test_a_loop_rests_for_its_pace_or_for_a_quarter_of_the_time_it_worked_but_not_for_ever(
    consumer, monkeypatch, worked, rests
):
    slept, now = [], 100.0

    async def sleep(seconds):
        slept.append(seconds)

    turns = Turns(consumer, "service", EngineSettings(pace=0.03))
    monkeypatch.setattr("backorder_runtime.turns.time.monotonic", lambda: now)
    await turns.read(lambda: {PLACE}, 0.1)
    now += worked
    monkeypatch.setattr("backorder_runtime.turns.asyncio.sleep", sleep)
    await turns._rest()
    assert slept == [pytest.approx(rests)]


async def test_what_the_group_has_to_say_is_heard_also_while_nothing_is_ours(consumer, monkeypatch):
    async def denied(*_, **__):
        raise GroupAuthorizationFailedError("group")

    monkeypatch.setattr(consumer, "getmany", denied)
    turns = Turns(consumer, "service", EngineSettings(poll=0.001))
    with pytest.raises(GroupAuthorizationFailedError):
        await turns.read(set, 0.001)


def test_whoever_does_not_read_for_long_stays_in_the_group(monkeypatch):
    given = {}
    monkeypatch.setattr("backorder_runtime.consumer.AIOKafkaConsumer", lambda **options: given.update(options))
    new_consumer(KafkaSettings(), "a group", offset_reset="none")
    assert given["max_poll_interval_ms"] > 10 * 365 * 86_400


async def test_a_client_that_fetches_no_more_ends_the_loop(consumer):
    consumer._fetcher.error_future.set_exception(KafkaError("cannot be parsed"))
    turns = Turns(consumer, "service", EngineSettings(poll=0.001))
    with pytest.raises(KafkaError, match="cannot be parsed"):
        await turns.read(lambda: {PLACE}, 0.001)
