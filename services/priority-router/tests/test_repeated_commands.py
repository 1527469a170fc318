"""Whoever publishes a command may do so again: it is carried out once."""

import asyncpg
import pytest
from router_shard import Queue, command, short


@pytest.fixture
async def queue(database):
    conn = await asyncpg.connect(await database.migrated("priority_router"))
    yield Queue(conn)
    await conn.close()


def one_unit_less():
    return command("c-1", "A", "cancel", quantity=1)


async def in_the_same_batch(queue):
    return await queue.take(one_unit_less(), one_unit_less())


async def in_the_next_batch(queue):
    return [*await queue.take(one_unit_less()), *await queue.take(one_unit_less())]


async def after_the_shard_was_claimed_anew(queue):
    said = await queue.take(one_unit_less())
    queue.claim()
    return [*said, *await queue.take(one_unit_less())]


AGAIN = (in_the_same_batch, in_the_next_batch, after_the_shard_was_claimed_anew)


@pytest.mark.parametrize("twice", AGAIN, ids=[each.__name__ for each in AGAIN])
async def test_a_command_that_comes_twice_is_carried_out_once(queue, twice):
    await queue.take(short("A", 3))
    said = await twice(queue)
    told = [each.type for each in said if getattr(each, "topic", None) == "back-order-state"]
    assert told == ["back-order.cancelled"]
    assert (await queue.order("A")).cancelled == 1
    assert await queue.rows("command", "command_id = 'c-1'") == 1


async def test_two_commands_that_ask_the_same_are_two(queue):
    await queue.take(short("A", 3), one_unit_less(), command("c-2", "A", "cancel", quantity=1))
    assert (await queue.order("A")).cancelled == 2
