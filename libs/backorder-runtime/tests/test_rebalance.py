"""Members come and go: what stays with a member stays as it is, and whoever had a shard meanwhile is respected."""

import pytest
from aiokafka import TopicPartition
from engine_support.bench import Bench
from engine_support.tally import TOPIC
from engine_support.words import by_lane, first_occurrences, words

from backorder_runtime import store

pytestmark = pytest.mark.stack


async def test_a_member_keeps_the_shards_that_a_rebalance_leaves_it(bench: Bench) -> None:
    sent = words(1_200, seed=11)
    first = await bench.start(owner="a")
    await bench.until(lambda: _yes(first.ready and len(first.owned) == 4))
    before = dict(first._ours.shards)
    await bench.send(*sent[:400])
    second = await bench.start(owner="b")
    await bench.until(lambda: _yes(len(first.owned) == 2 and len(second.owned) == 2))
    await bench.send(*sent[400:800])
    kept = set(first.owned)
    assert kept == {0, 1}, "who has run for longer keeps its own"
    assert all(first._ours.shards[number] is before[number] for number in kept)
    await bench.stop(second)
    await bench.until(lambda: _yes(len(first.owned) == 4))
    await bench.send(*sent[800:])
    await bench.until(lambda: _all(bench, len(sent)))
    assert all(first._ours.shards[number] is before[number] for number in kept)
    epochs = dict(await bench.pool.fetch("SELECT shard, epoch FROM shard"))
    assert {number: epochs[number] for number in kept} == {0: 1, 1: 1}, "they were claimed once"
    await bench.stop(first)
    assert await first_occurrences(bench, "supply") == by_lane(sent)


async def test_a_shard_that_somebody_else_had_meanwhile_is_claimed_again(bench: Bench) -> None:
    sent = words(400, seed=12)
    runner = await bench.start()
    await bench.until(lambda: _yes(runner.ready and len(runner.owned) == 4))
    await bench.send(*sent[:200])
    await bench.until(lambda: _all(bench, 200))
    places = frozenset(TopicPartition(TOPIC, n) for n in range(4))
    runner._ours.on_revoked(places)
    async with bench.pool.acquire() as conn:
        for number in range(4):
            await store.claim(conn, number, "another", {})
    runner._on_assigned(places)
    await bench.send(*sent[200:])
    await bench.until(lambda: _all(bench, len(sent)))
    owners = {row["owner"] for row in await bench.pool.fetch("SELECT owner FROM shard")}
    assert owners == {"one"}
    await bench.stop(runner)
    assert await first_occurrences(bench, "supply") == by_lane(sent)


async def _yes(value: bool) -> bool:
    return value


async def _all(bench: Bench, count: int) -> bool:
    return await bench.counted() == count
