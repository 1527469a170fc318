"""Whoever publishes a command may do so again: it is carried out once."""

import asyncpg
import pytest
from msgspec.structs import replace
from router_shard import Queue, command, short

from backorder_contracts.internal import Cause
from backorder_runtime.record import DeadLetter


@pytest.fixture
async def queue(database):
    conn = await asyncpg.connect(await database.migrated("priority_router"))
    yield Queue(conn)
    await conn.close()


def one_unit_less():
    return command("c-1", "A", "cancel", quantity=1)


def called(name, ce_id, *what, **more):
    return replace(command(name, *what, **more), cause=Cause("back-order.command", ce_id))


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


@pytest.mark.parametrize("twice", AGAIN, ids=[each.__name__ for each in AGAIN])
async def test_two_commands_whose_systems_call_them_the_same_are_both_carried_out(queue, twice):
    await queue.take(short("A", 3))
    await queue.take(called("c-1", "another", "A", "cancel", quantity=1))
    await twice(queue)
    assert (await queue.order("A")).cancelled == 2


async def test_another_command_under_the_ce_id_of_one_that_was_answered_is_a_dead_letter(queue):
    await queue.take(short("A", 3), one_unit_less())
    said = await queue.take(command("c-1", "A", "cancel", quantity=2))
    assert [(type(each), each.reason) for each in said] == [(DeadLetter, "conflicting-duplicate")]
    assert (await queue.order("A")).cancelled == 1


async def answered_by_the_version_before(queue):
    await queue.conn.execute("INSERT INTO command (shard, command_id) VALUES (0, 'c-1')")


async def test_a_command_that_the_version_before_answered_by_its_only_id_is_not_carried_out_again(queue):
    await queue.take(short("A", 3))
    await answered_by_the_version_before(queue)
    assert await queue.take(one_unit_less()) == []
    assert (await queue.order("A")).cancelled == 0


async def test_a_command_called_like_one_that_the_version_before_answered_is_neither_lost_nor_carried_out_twice(queue):
    await queue.take(short("A", 3))
    await answered_by_the_version_before(queue)
    said = await queue.take(called("c-1", "e-1", "A", "cancel", quantity=1))
    assert [(type(each), each.reason) for each in said] == [(DeadLetter, "conflicting-duplicate")]
    assert (await queue.order("A")).cancelled == 0


async def test_a_ce_id_that_an_older_command_is_called_by_is_remembered(queue):
    await queue.take(short("A", 3))
    await answered_by_the_version_before(queue)
    again = called("c-2", "c-1", "A", "cancel", quantity=1)
    await queue.take(again)
    queue.claim()
    await queue.take(again)
    assert (await queue.order("A")).cancelled == 1
    assert await queue.rows("command", "command_id = 'c-1' AND content IS NOT NULL") == 1


async def test_two_commands_that_ask_the_same_are_two(queue):
    await queue.take(short("A", 3), one_unit_less(), command("c-2", "A", "cancel", quantity=1))
    assert (await queue.order("A")).cancelled == 2
