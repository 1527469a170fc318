"""Reading refused records again: what it costs is by fetch, not by record; one failure is not for ever."""

import asyncio
from types import SimpleNamespace

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError, KafkaTimeoutError, OffsetOutOfRangeError

from backorder_contracts.internal import Origin
from backorder_runtime import dead_letters
from backorder_runtime.dead_letters import OriginReader
from backorder_runtime.settings import KafkaSettings

ORIGIN = Origin("order-placed", 1, 7)
PLACE = TopicPartition("order-placed", 1)
IN_A_FETCH = 10


class Consumer:
    """Answers as the client does; only one that was started to the end has a place to read from."""

    made: list["Consumer"]
    logs: dict[TopicPartition, dict[int, bytes]]
    let_go: frozenset[int]  # offsets that a log no longer has when they are asked for, though it said it had

    def __init__(self, **_):
        self.made.append(self)
        self.started, self.stopped = False, False
        self.assigned, self.fetches = 0, []
        self.at, self.paused = {}, set()

    async def start(self):
        await self.trouble()
        self.started = True

    async def trouble(self):
        pass

    async def stop(self):
        self.stopped = True

    def assign(self, places):
        assert self.started
        self.assigned += 1
        self.at, self.paused = dict.fromkeys(places), set()

    def pause(self, *places):
        self.paused |= set(places)

    def resume(self, *places):
        self.paused -= set(places)

    async def beginning_offsets(self, places):
        return {place: min(self.logs[place]) for place in places}

    async def end_offsets(self, places):
        return {place: max(self.logs[place]) + 1 for place in places}

    def seek(self, place, offset):
        self.at[place] = offset

    async def position(self, place):
        return self.at[place]

    async def getmany(self, place, *, timeout_ms):
        assert set(self.at) - self.paused == {place}, "nothing else is fetched meanwhile"
        self.fetches.append((place.partition, self.at[place]))
        if self.at[place] in self.let_go:
            raise OffsetOutOfRangeError({place: self.at[place]})
        there = [offset for offset in sorted(self.logs[place]) if offset >= self.at[place]][:IN_A_FETCH]
        self.at[place] = there[-1] + 1 if there else self.at[place]
        return {place: [stored(place, offset, self.logs[place][offset]) for offset in there]} if there else {}


def stored(place, offset, value):
    return SimpleNamespace(
        topic=place.topic, partition=place.partition, offset=offset, key=b"k", value=value, headers=(), timestamp=0
    )


def log(*offsets, size=1):
    return {offset: b"%d" % offset * size for offset in offsets}


@pytest.fixture
def consumer(monkeypatch):
    Consumer.made, Consumer.logs, Consumer.let_go = [], {PLACE: log(*range(8))}, frozenset()
    monkeypatch.setattr(dead_letters, "AIOKafkaConsumer", Consumer)
    return Consumer


def origins(*offsets, partition=1):
    return [Origin("order-placed", partition, offset) for offset in offsets]


def values(found):
    return {(origin.partition, origin.offset): copy and copy[1] for origin, copy in found.items()}


async def test_records_beside_each_other_come_with_one_fetch_and_are_those_that_were_meant(consumer):
    consumer.logs = {TopicPartition("order-placed", n): log(*range(100)) for n in (1, 2)}
    found = await OriginReader(KafkaSettings()).read([*origins(*range(19, -1, -1)), *origins(7, 5, partition=2)])
    expected = {(1, n): b"%d" % n for n in range(20)} | {(2, n): b"%d" % n for n in (5, 7)}
    assert values(found) == expected
    assert (consumer.made[0].assigned, consumer.made[0].fetches) == (1, [(1, 0), (1, 10), (2, 5)])


async def test_what_nobody_wants_is_not_read_through(consumer):
    consumer.logs = {PLACE: log(*range(1_000))}
    found = await OriginReader(KafkaSettings()).read(origins(3, 4, 900))
    assert values(found) == {(1, n): b"%d" % n for n in (3, 4, 900)}
    assert consumer.made[0].fetches == [(1, 3), (1, 900)]


async def test_no_other_record_is_taken_for_one_that_is_gone(consumer):
    consumer.logs = {PLACE: log(5, 6, 8, 9, 20, 40)}
    found = await OriginReader(KafkaSettings()).read(origins(2, 6, 7, 19, 20, 39, 41))
    assert values(found) == {(1, n): b"%d" % n if n in (6, 20) else None for n in (2, 6, 7, 19, 20, 39, 41)}


async def test_what_its_topic_lets_go_meanwhile_is_gone_and_the_rest_is_read(consumer):
    consumer.logs, consumer.let_go = {PLACE: log(*range(100))}, frozenset({30})
    found = await OriginReader(KafkaSettings()).read(origins(30, 31, 60))
    assert values(found) == {(1, 30): None, (1, 31): b"31", (1, 60): b"60"}


async def test_no_more_is_read_at_a_time_than_a_megabyte_and_the_record_that_makes_it_one(consumer):
    consumer.logs = {PLACE: log(*range(10, 40), size=200_000)}  # two digits each: 400 KB
    reader, wanted, portions = OriginReader(KafkaSettings()), origins(*range(10, 40)), []
    while wanted:
        portions.append(await reader.read(wanted))
        wanted = [origin for origin in wanted if origin not in portions[-1]]
    assert [len(portion) for portion in portions] == [3] * 10


async def test_a_log_of_which_nothing_comes_is_no_reason_to_wait_for_ever(consumer, monkeypatch):
    async def nothing(self, place, *, timeout_ms):
        return {}

    monkeypatch.setattr(Consumer, "getmany", nothing)
    with pytest.raises(KafkaTimeoutError, match=r"order-placed\[1\] from 7 on"):
        await OriginReader(KafkaSettings()).read([ORIGIN])
    assert consumer.made[0].stopped


async def test_a_reader_that_could_not_start_while_the_brokers_were_away_starts_again(consumer, monkeypatch):
    async def away(self):
        raise KafkaConnectionError("away")

    reader = OriginReader(KafkaSettings())
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(Consumer, "trouble", away)
        with pytest.raises(KafkaConnectionError):
            await reader.read([ORIGIN])
    assert values(await reader.read([ORIGIN])) == {(1, 7): b"7"}
    assert [each.stopped for each in consumer.made] == [True, False]


async def test_a_reader_whose_relay_is_cancelled_while_it_starts_starts_again(consumer, monkeypatch):
    entered = asyncio.Event()

    async def slow(self):
        entered.set()
        await asyncio.Event().wait()

    reader = OriginReader(KafkaSettings())
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(Consumer, "trouble", slow)
        reading = asyncio.create_task(reader.read([ORIGIN]))
        await entered.wait()
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
    assert values(await reader.read([ORIGIN])) == {(1, 7): b"7"}
    assert [each.stopped for each in consumer.made] == [True, False]
