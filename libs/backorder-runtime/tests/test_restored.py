"""A service whose database is older than what it has published, on a real broker and database."""

import asyncio

import asyncpg
import pytest
from engine_support.small_service import LANE, Place

from backorder_dev.reading import read_topic
from backorder_dev.restored import go_on
from backorder_dev.stack import Stack
from backorder_runtime.bundle import partition_of
from backorder_runtime.past import PastLost

pytestmark = pytest.mark.stack

SHARD = partition_of(LANE, 4)


async def standing(here: Place) -> list[asyncpg.Record]:
    """What a restore brings back."""
    return [
        await here.pool.fetchrow("SELECT next_sequence, sent_sequence FROM shard WHERE shard = $1", SHARD),
        await here.pool.fetchrow("SELECT next_offset, last_sequence FROM shard_input WHERE shard = $1", SHARD),
        await here.pool.fetchrow("SELECT count, seen FROM tally"),
    ]


async def restore(here: Place, stood: list[asyncpg.Record]) -> None:
    shard, at, tally = stood
    await here.pool.execute("UPDATE shard SET next_sequence = $2, sent_sequence = $3 WHERE shard = $1", SHARD, *shard)
    await here.pool.execute("UPDATE shard_input SET next_offset = $2, last_sequence = $3 WHERE shard = $1", SHARD, *at)
    await here.pool.execute("UPDATE tally SET count = $1, seen = $2", *tally)


async def told(here: Place) -> list[tuple[int, bytes]]:
    """What it has published of the lane, with its numbers."""
    records = await read_topic(here.settings.kafka.bootstrap_servers, "supply")
    return [(int(dict(record.headers)["ce_sequence"]), record.value) for record in records]


async def test_it_stops_before_it_reads_and_goes_on_when_it_is_told_what_is_void(here: Place, stack: Stack) -> None:
    await here.process("one")
    stood = await standing(here)
    await here.process("two")
    await restore(here, stood)
    for _ in range(2):
        with pytest.raises(
            PastLost,
            match=rf"shard {SHARD} up to number 2, but supply\[{SHARD}\] has 3 at .*`backorder database restored`",
        ):
            await asyncio.wait_for(here.run(), 30)
    assert await here.pool.fetchval("SELECT seen FROM tally") == ["one"]
    await go_on(stack.postgres.admin_url_of(here.urls["inventory_sync"].rpartition("/")[2]))
    await here.process("three")
    assert await here.pool.fetchval("SELECT seen FROM tally") == ["one", "two", "three"]
    numbers = [number for number, _ in await told(here)]
    assert numbers[:2] == [1, 3]
    assert min(numbers[2:]) > 1_000_000_000_000


async def test_what_a_reader_finds_of_what_was_lost_it_passes_over(here: Place) -> None:
    await here.process("one")
    source = "/backorder/gap-detector/7"
    await here.pool.execute("INSERT INTO void_number VALUES ($1, 5, 8)", source)
    await here.send_as(source, (4, "valid"), (5, "lost"), (8, "lost too"), (9, "new"))
    async with here.running() as task:
        await here.until_counted(3, task)
    assert await here.pool.fetchval("SELECT seen FROM tally") == ["one", "valid", "new"]


async def test_a_database_made_anew_beside_topics_that_were_used_stops_it(here: Place) -> None:
    await here.process("one")
    await here.pool.execute("TRUNCATE shard, shard_input, outbox, topic_pin, tally")
    with pytest.raises(PastLost, match="topics made anew"):
        await asyncio.wait_for(here.run(), 30)
