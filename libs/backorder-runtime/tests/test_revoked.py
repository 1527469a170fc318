"""Partitions that are taken away in the middle of the work on them: the loops go on."""

import asyncio
from datetime import UTC, datetime
from types import SimpleNamespace

from backorder_contracts.internal import Origin
from backorder_runtime.lanes import LaneRunner
from backorder_runtime.lifecycle import Heartbeat
from backorder_runtime.outbox import Letter, OutboxBatch
from backorder_runtime.relay import Relay

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def batch(number):
    return OutboxBatch(number, NOW, (Letter(Origin("order-placed", 0, 0), "empty", "empty", (None, None, ())),))


async def with_a_backlog(relaying):
    """The loop with one shard, whose relay has as much to send as it may."""
    shard = SimpleNamespace(relay=Relay("service", 0, None, None))
    runner = object.__new__(LaneRunner)
    runner._settings = SimpleNamespace(engine=SimpleNamespace(relay_backlog=1))
    runner._stop = asyncio.Event()
    runner.heartbeat = Heartbeat(60)
    runner._export = lambda: None
    runner._ours = SimpleNamespace(shards={0: shard}, relays={0: asyncio.create_task(relaying)})
    shard.relay.put([batch(1)])
    return runner, shard


async def test_a_shard_revoked_while_its_relay_has_a_backlog_does_not_end_the_loop():
    async def never():
        await asyncio.Event().wait()

    runner, shard = await with_a_backlog(never())
    publishing = asyncio.create_task(runner._publish(0, shard, batch(2)))
    while len(shard.relay._waiting) < 2:
        await asyncio.sleep(0)
    runner._ours.relays.pop(0).cancel()
    await asyncio.wait_for(publishing, 10)


async def test_a_relay_that_fails_while_it_has_a_backlog_does_not_end_the_loop():
    async def fail():
        raise OSError("the brokers are away")

    runner, shard = await with_a_backlog(fail())
    await asyncio.wait_for(runner._publish(0, shard, batch(2)), 10)
    assert isinstance(runner._ours.relays[0].exception(), OSError), "it is there for the next turn to see"
