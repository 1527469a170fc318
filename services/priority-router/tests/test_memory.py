"""What the queues of a shard hold in memory is bounded by their back orders, too."""

import asyncpg
import pytest
from router_shard import LANE, Queue, at, command, short

MANY = 60


@pytest.fixture
async def connection(database):
    conn = await asyncpg.connect(await database.migrated("priority_router"))
    yield conn
    await conn.close()


def in_memory(queue):
    return sorted(queue.handler._queues)


async def test_a_lane_of_many_back_orders_counts_as_several(connection):
    queue = Queue(connection, cached_lanes=10)
    await queue.take(*(short(f"A{n}") for n in range(MANY)))
    assert in_memory(queue) == [LANE], "what the batch itself needs stays: the next one may need it, too"
    await queue.take(at("P@W2", short("B", place="W2")))
    assert in_memory(queue) == ["P@W2"]
    await queue.take(command("hold", "A0"))
    assert (await queue.order("A0")).held, "it is loaded again"
    assert len(queue.handler._queues[LANE].orders) == MANY


async def test_lanes_stay_in_memory_as_long_as_there_is_room(connection):
    queue = Queue(connection, cached_lanes=10)
    lanes = [f"P@W{n}" for n in range(11)]
    for place, lane in enumerate(lanes[:10]):
        await queue.take(at(lane, short("A", place=f"W{place}")))
    assert in_memory(queue) == sorted(lanes[:10])
    await queue.take(at(lanes[10], short("A", place="W10")))
    assert in_memory(queue) == lanes[10:]


async def test_back_orders_that_ended_make_room(connection):
    queue = Queue(connection, cached_lanes=10)
    for n in range(MANY):
        await queue.take(short(f"A{n}"), command(f"c-{n}", f"A{n}", "cancel"))
    await queue.take(at("P@W2", short("B", place="W2")))
    assert in_memory(queue) == [LANE, "P@W2"]
