"""A command that comes to a lane which its back order is not in goes on to the right one, and is in nobody's way."""

import asyncpg
import pytest
from router_shard import LANE, Queue, at, cancelled, command, short

OTHER = "P@W2"


@pytest.fixture
async def queue(database):
    conn = await asyncpg.connect(await database.migrated("priority_router"))
    yield Queue(conn)
    await conn.close()


def told(effects, topic):
    return [effect for effect in effects if getattr(effect, "topic", None) == topic]


def stray(name):
    """A command for back order K that goes to the lane where its line is now."""
    return at(OTHER, command(name, "K"))


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
async def test_a_cancellation_follows_a_rerouted_line_whatever_another_lane_is_asked_about_it_in_the_batch(
    queue, before
):
    await queue.take(short("K"), command("away", "K", "reroute", to_location_id="W2"))
    inputs = [stray("stray"), cancelled("K", 2)]
    said = await queue.take(*(inputs if before else reversed(inputs)))
    assert [(each.key, each.type) for each in told(said, "order-line")] == [(OTHER, "order-line.recalled")]
    assert (await queue.order("K")).recalled == 2
    assert [each.key for each in told(said, "queue-command")] == [LANE]


async def test_a_back_order_that_grows_again_goes_on_with_its_versions_whatever_another_lane_is_asked_about_it(queue):
    await queue.take(short("K", covered=1), cancelled("K", 2))
    ended = await queue.order("K")
    assert ended.closed
    await queue.take(short("K", 1, first=False), stray("stray"))
    again = await queue.order("K")
    assert (again.back_ordered, again.cancelled) == (3, 2)
    assert again.version > ended.version


async def test_a_command_in_its_lane_is_carried_out_though_another_one_went_astray(queue):
    await queue.take(short("K"))
    said = await queue.take(stray("stray"), command("here", "K"))
    assert [each.type for each in told(said, "back-order-state")] == ["back-order.held"]
    assert [each.key for each in told(said, "queue-command")] == [LANE]


async def test_a_command_for_a_back_order_that_nobody_knows_leaves_no_lane(queue):
    said = await queue.take(command("c-1", "nobody"))
    assert [each.reason for each in said] == ["unknown-back-order"]
    assert await queue.rows("lane_queue") == 0
    assert await queue.rows("command") == 0
