"""`backorder lane`: a lane that a defect stopped keeps its input in order, and goes on with it."""

import json

import pytest
from engine_support.bench import Bench
from engine_support.command_line import backorder
from engine_support.tally import TOPIC, Tally

from backorder_runtime.batch import Batch
from backorder_runtime.clock import utc_now
from backorder_runtime.record import Record
from backorder_runtime.telemetry import PARKED_LANES
from backorder_runtime.transaction import run

pytestmark = pytest.mark.stack

SICK, SOUND = "SICK@W1", "SOUND@W1"


async def seen(bench: Bench, lane: str) -> list[str]:
    return list(await bench.pool.fetchval("SELECT seen FROM tally WHERE lane = $1", lane) or ())


async def parked(bench: Bench) -> bool:
    return bool(await bench.pool.fetchval("SELECT count(*) FROM parked_lane"))


async def waiting(bench: Bench) -> int:
    return int(await bench.pool.fetchval("SELECT count(*) FROM parked_input"))


def shown(number: int) -> float:
    return float(PARKED_LANES.labels(str(number))._value.get())


async def test_a_parked_lane_is_listed_shown_and_resumed_and_loses_nothing(bench: Bench) -> None:
    await bench.send((SICK, "one"), (SICK, "bug"), (SICK, "two"), (SOUND, "other"))
    first = await bench.start()
    await bench.until(lambda: _is(waiting(bench), 2))
    code, said = await backorder(bench.settings, "lane", "list", "--json")
    (lane,) = json.loads(said)
    assert (code, lane["lane"], lane["waiting"], lane["service"]) == (0, SICK, 2, "inventory-sync")
    assert lane["error"] == "ZeroDivisionError: a defect"
    assert SICK in (await backorder(bench.settings, "lane", "list"))[1]
    _, said = await backorder(bench.settings, "lane", "show", SICK)
    assert "parked in inventory-sync, shard" in said
    assert "waiting  2 inputs" in said
    assert f"first    {TOPIC}[" in said
    assert said.count("bug") == 1

    code, said = await backorder(bench.settings, "lane", "resume", SICK)
    assert code == 1
    assert f"{SICK} (inventory-sync) is parked again, at ZeroDivisionError: a defect" in said
    assert await waiting(bench) == 2
    assert shown(lane["shard"]) == 1

    await bench.stop(first)
    mended = await bench.start(lambda: Tally(defective=False))
    await bench.until(lambda: _is(_ready(mended), wanted=True))
    await bench.send((SICK, "three"))
    await bench.until(lambda: _is(waiting(bench), 3))
    code, said = await backorder(bench.settings, "lane", "resume", "--all", "--yes")
    assert (code, said) == (0, f"{SICK} (inventory-sync) goes on; 3 inputs had waited\n")
    await bench.send((SICK, "four"))
    await bench.until(lambda: _is(bench.counted(), 6))
    assert await seen(bench, SICK) == ["one", "bug", "two", "three", "four"]
    assert (await backorder(bench.settings, "lane", "list"))[1] == "no lane is parked\n"
    assert shown(lane["shard"]) == 0
    await bench.stop(mended)


async def test_what_was_kept_comes_before_what_has_just_been_read(bench: Bench) -> None:
    await bench.send((SICK, "one"), (SICK, "bug"), (SICK, "two"))
    runner = await bench.start()
    await bench.until(lambda: _is(waiting(bench), 2))
    await bench.stop(runner)
    mended = await bench.start(lambda: Tally(defective=False))
    await bench.until(lambda: _is(_ready(mended), wanted=True))
    number = int(await bench.pool.fetchval("SELECT shard FROM parked_lane"))
    shard = mended._ours.shards[number]
    place = shard.place(TOPIC)
    await bench.pool.execute("UPDATE parked_lane SET resume = true")
    await bench.stop(mended, crash=True)
    record = Record(TOPIC, number, place.next_offset, SICK.encode(), b"three")
    await bench.until(lambda: _is(_no_claim(bench, number), wanted=True))
    await run(bench.pool, [Batch(shard, [record], due=True)], utc_now)
    assert await seen(bench, SICK) == ["one", "bug", "two", "three"]


async def test_what_the_mended_version_refuses_is_a_dead_letter(bench: Bench) -> None:
    class Stricter(Tally):
        def decode(self, record: Record) -> object:
            return super().decode(
                Record(record.topic, record.partition, record.offset, record.key, b"bad", record.headers)
                if record.value == b"bug"
                else record
            )

    await bench.send((SICK, "bug"), (SICK, "two"))
    runner = await bench.start()
    await bench.until(lambda: _is(waiting(bench), 2))
    await bench.stop(runner)
    mended = await bench.start(Stricter)
    await bench.until(lambda: _is(_ready(mended), wanted=True))
    assert (await backorder(bench.settings, "lane", "resume", SICK))[0] == 0
    await bench.until(lambda: _is(bench.counted(), 1))
    await bench.stop(mended)
    assert await seen(bench, SICK) == ["two"]
    (letter,) = await bench.values("inventory-sync.dead-letter")
    assert letter.value == b"bug"


async def test_mistakes_are_said_in_words(bench: Bench) -> None:
    for words, said in (
        (["resume"], "name the lanes, or say --all"),
        (["resume", "P@W"], "P@W is not parked"),
        (["show", "P@W"], "P@W is not parked"),
        (["list", "--service", "stock"], "there is no service stock with lanes; there are: gap-detector, "),
        (["list", "--service", "notifier"], "leads to the schema of inventory-sync, not to that of notifier"),
    ):
        code, told = await backorder(bench.settings, "lane", *words)
        assert (code, said in told) == (1, True), told


async def _ready(runner: object) -> bool:
    return bool(runner.ready)  # type: ignore[attr-defined]


async def _no_claim(bench: Bench, number: int) -> bool:
    """Whether nobody holds the shard's row: the crashed runner's transaction is over."""
    return not await bench.pool.fetchval(
        "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction' AND datname = current_database()"
    )


async def _is(found: object, wanted: object) -> bool:
    return await found == wanted  # type: ignore[misc]
