"""Reading a refused record again: one failure is not for ever."""

import asyncio
from types import SimpleNamespace

import pytest
from aiokafka.errors import KafkaConnectionError

from backorder_contracts.internal import Origin
from backorder_runtime import dead_letters
from backorder_runtime.dead_letters import OriginReader
from backorder_runtime.settings import KafkaSettings

ORIGIN = Origin("order-placed", 1, 7)


class Consumer:
    """Answers as the client does; only one that was started to the end has a place to read from."""

    made: list["Consumer"]

    def __init__(self, **_):
        self.made.append(self)
        self.started, self.stopped = False, False

    async def start(self):
        await self.trouble()
        self.started = True

    async def stop(self):
        self.stopped = True

    def assign(self, places):
        assert self.started

    async def beginning_offsets(self, places):
        return dict.fromkeys(places, 0)

    async def end_offsets(self, places):
        return dict.fromkeys(places, 8)

    def seek(self, place, offset):
        pass

    async def getone(self, place):
        return SimpleNamespace(
            topic=place.topic, partition=place.partition, offset=7, key=b"k", value=b"v", headers=(), timestamp=0
        )


@pytest.fixture
def consumer(monkeypatch):
    Consumer.made = []
    monkeypatch.setattr(dead_letters, "AIOKafkaConsumer", Consumer)
    return Consumer


async def nothing(self):
    pass


async def test_a_reader_that_could_not_start_while_the_brokers_were_away_starts_again(consumer, monkeypatch):
    async def away(self):
        raise KafkaConnectionError("away")

    monkeypatch.setattr(Consumer, "trouble", away, raising=False)
    reader = OriginReader(KafkaSettings())
    with pytest.raises(KafkaConnectionError):
        await reader.read(ORIGIN)
    monkeypatch.setattr(Consumer, "trouble", nothing)
    assert (await reader.read(ORIGIN))[:2] == (b"k", b"v")
    assert [each.stopped for each in consumer.made] == [True, False]


async def test_a_reader_whose_relay_is_cancelled_while_it_starts_starts_again(consumer, monkeypatch):
    entered = asyncio.Event()

    async def slow(self):
        entered.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(Consumer, "trouble", slow, raising=False)
    reader = OriginReader(KafkaSettings())
    reading = asyncio.create_task(reader.read(ORIGIN))
    await entered.wait()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    monkeypatch.setattr(Consumer, "trouble", nothing)
    assert (await reader.read(ORIGIN))[:2] == (b"k", b"v")
    assert [each.stopped for each in consumer.made] == [True, False]
