"""A loop that is stopped, on a broker and a database of paper: what it has decided it sends, unless the broker is away."""

import asyncio
from typing import Self

import pytest
from engine_support.paper_database import PaperDatabase
from engine_support.paper_loop import LANES, QUICK, PaperLoop

from backorder_runtime.publisher import PublishingFailed

A, B = LANES[3], LANES[2]
PATIENT, HASTY = QUICK.model_copy(update={"grace": 3_600}), QUICK.model_copy(update={"grace": 0.01})


class Process:
    """A loop that runs by itself, and has decided what it could send only when the broker confirms: on `open`."""

    def __init__(self, loop: PaperLoop) -> None:
        self.loop, self.stop = loop, asyncio.Event()
        self.open = loop.publisher.open

    async def __aenter__(self) -> Self:
        self.open.clear()
        for lane in (A, B):
            self.loop.consumer.append(lane, "one")
        self.loop.assign(2, 3)
        self.running = asyncio.create_task(self.loop.runner.run(self.stop))
        async with asyncio.timeout(60):
            while len(self.loop.publisher.calls) < 2:
                await asyncio.sleep(0)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.running.cancel()
        await asyncio.wait({self.running})

    async def told_to_stop(self) -> None:
        """Stop it, and let it do all that it can do without the broker."""
        self.stop.set()
        for _ in range(1_000):
            await asyncio.sleep(0)

    async def ended(self) -> None:
        await asyncio.wait_for(self.running, 10)


@pytest.fixture
def new(monkeypatch):
    """Makes processes of one service, which share the database and the log."""
    paper, made = PaperDatabase(), []

    def make(engine=QUICK):
        made.append(PaperLoop(monkeypatch, paper, engine=engine))
        made[-1].consumer.log = made[0].consumer.log
        return made[-1]

    return make


async def sent_by_the_next(new):
    """What the process that has the shards next sends of what it finds."""
    loop = new()
    loop.assign(2, 3)
    await loop.turn()
    told = loop.publisher.told("supply")
    await loop.close()
    return told


async def test_what_is_decided_and_not_confirmed_when_it_is_stopped_is_sent_and_stored_as_sent_before_it_ends(new):
    async with Process(new(PATIENT)) as process:
        await process.told_to_stop()
        process.open.set()
        await process.ended()
    loop, tables = process.loop, process.loop.database.tables
    for topic in ("supply", "back-order-queue"):
        assert loop.publisher.told(topic) == {lane: [(1, "one")] for lane in (A, B)}
    assert tables.outbox == {}
    assert {n: tables.shard[n][1:] for n in (2, 3)} == {2: [3, 2], 3: [3, 2]}, "two events each, all of them sent"
    assert await sent_by_the_next(new) == {}


async def test_a_broker_that_is_away_holds_up_its_end_for_the_grace_time_and_the_next_one_sends(new):
    async with Process(new(HASTY)) as process:
        process.stop.set()
        await process.ended()
    assert await sent_by_the_next(new) == {lane: [(1, "one")] for lane in (A, B)}


async def test_a_shard_that_it_loses_while_it_waits_for_the_broker_does_not_hold_up_its_end(new):
    async with Process(new(PATIENT)) as process:
        await process.told_to_stop()
        process.loop.assign()
        await process.ended()
    assert await sent_by_the_next(new) == {lane: [(1, "one")] for lane in (A, B)}


async def test_a_relay_that_fails_while_it_waits_for_the_broker_does_not_hold_up_its_end(new):
    async with Process(new(PATIENT)) as process:
        await process.told_to_stop()
        process.loop.publisher.breaks = PublishingFailed("too large")
        process.open.set()
        await process.ended()
    assert len(await sent_by_the_next(new)) == 1, "that of the one whose relay failed"
