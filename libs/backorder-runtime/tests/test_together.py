"""Shards that share a transaction: what happens to one of them is not the others' loss."""

from collections.abc import Sequence

import pytest
from engine_support.bench import Bench
from engine_support.tally import TOPIC, Tally

from backorder_runtime import store
from backorder_runtime.asking import Asking, Copy, Read, Statement
from backorder_runtime.batch import Batch
from backorder_runtime.bundle import partition_of
from backorder_runtime.clock import utc_now
from backorder_runtime.handler import Arrived
from backorder_runtime.record import Record
from backorder_runtime.transaction import run

pytestmark = pytest.mark.stack

_KNOWN = Statement(
    "SELECT asked.shard, word FROM unnest($1::integer[], $2::text[]) AS asked (shard, word) JOIN word USING (word)",
    2,
    {},
)


class Once(Tally):
    """Counts each word in the first lane that said it, and in no other, wherever that lane is."""

    def load(self, arrived: Sequence[Arrived[str]]) -> Asking[None]:
        yield from super().load(arrived)
        words = sorted({item.event for item in arrived})
        self.known = {word for _, word in (yield Read(_KNOWN, (words,)))} if words else set()
        self.fresh: dict[str, str] = {}

    def decide(self, arrived: Arrived[str], now: object) -> Sequence[str]:
        if arrived.event in self.known | self.fresh.keys():
            return ()
        self.fresh[arrived.event] = arrived.lane
        return (arrived.event,)

    def save(self) -> Asking[None]:
        yield from super().save()
        if self.fresh:
            yield Copy(3, "word", ("word", "lane"), list(self.fresh.items()), "two lanes said it at once")


def lanes_of_all_shards(count: int = 4) -> list[str]:
    """One lane for each shard."""
    found: dict[int, str] = {}
    number = 0
    while len(found) < count:
        lane = f"P{number}@W1"
        found.setdefault(partition_of(lane, count), lane)
        number += 1
    return [found[shard] for shard in range(count)]


async def test_shards_that_were_in_each_others_way_decide_again_one_after_the_other(bench: Bench) -> None:
    await bench.pool.execute("CREATE TABLE IF NOT EXISTS word (word text PRIMARY KEY, lane text)")
    await bench.pool.execute("TRUNCATE word")
    lanes = lanes_of_all_shards()
    await bench.send(*((lane, word) for word in ("one", "two") for lane in lanes))
    runner = await bench.start(Once)

    async def all_counted() -> bool:
        moved = await bench.pool.fetchval("SELECT sum(next_offset) FROM shard_input")
        return moved == 2 * len(lanes) and await bench.counted() == 2 * len(lanes)

    await bench.until(all_counted)
    words = dict(await bench.pool.fetch("SELECT word, lane FROM word"))
    assert words.keys() == {"one", "two"}
    said = dict(await bench.pool.fetch("SELECT lane, seen FROM tally"))
    assert sorted(word for seen in said.values() for word in seen) == ["one", "two"], "each word counts once"
    assert all(word in said[lane] for word, lane in words.items())
    await bench.stop(runner)


async def test_a_shard_that_was_lost_does_not_take_those_with_it_that_share_its_transaction(bench: Bench) -> None:
    runner = await bench.start()
    lanes = lanes_of_all_shards()
    await bench.send(*((lane, "one") for lane in lanes))
    await bench.until(lambda: _is(bench.counted(), 4))
    shards = runner._ours.shards
    async with bench.pool.acquire() as conn:
        await store.claim(conn, 2, "another", {})
    work = {n: [Record(TOPIC, n, shards[n].place(TOPIC).next_offset, lanes[n].encode(), b"two")] for n in range(4)}
    with pytest.raises(store.Fenced) as refused:
        await run(bench.pool, [Batch(shards[n], work[n], due=False) for n in range(4)], utc_now)
    assert refused.value.shards == [2]
    assert await bench.counted() == 4, "nothing was stored"
    kept = {n: shards[n] for n in (0, 1, 3)}
    await runner._run(work, frozenset())
    said = dict(await bench.pool.fetch("SELECT lane, count FROM tally"))
    assert said == {lanes[0]: 2, lanes[1]: 2, lanes[2]: 1, lanes[3]: 2}
    assert all(runner._ours.shards[n] is shard for n, shard in kept.items()), "they were not claimed anew"
    await bench.stop(runner, crash=True)


async def _is(value: object, expected: object) -> bool:
    return await value == expected  # type: ignore[misc]
