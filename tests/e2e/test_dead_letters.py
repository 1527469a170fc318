"""A dead letter is replayed when its cause is gone, and has its effect then, once."""

import json

import pytest
from e2e_support.bad_records import command
from e2e_support.command_line import backorder
from e2e_support.upstream import line, order

from backorder_contracts import identity

pytestmark = pytest.mark.stack

PART = "LETTERED"
BACK_ORDER = identity.back_order_id("SO-LETTERED", "1", PART, "W1")


async def listed(system, *words):
    code, said = await backorder(system, "dlq", "list", "--json", *words)
    assert code == 0, said
    return json.loads(said)


async def test_a_command_that_came_before_its_back_order_is_replayed_after_it(system):
    await system.publish("back-order-command", command("CMD-EARLY", BACK_ORDER, PART))
    await system.publish("back-order-command", b"{")
    await system.until(lambda: two_letters(system))
    found = {each["reason"]: each for each in await listed(system, "--service", "priority-router")}
    assert found.keys() == {"unknown-back-order", "not-json"}

    await system.publish("order-placed", order("SO-LETTERED", line(PART, 3)))
    await system.until_rest()
    chosen = ("--reason", "unknown-back-order", "--yes")
    assert (await backorder(system, "dlq", "replay", *chosen, "--dry-run"))[0] == 0
    assert (await system.states())[BACK_ORDER]["status"] == "open"
    code, said = await backorder(system, "dlq", "replay", *chosen)
    assert (code, said.splitlines()[-1]) == (0, "replayed 1 dead letter")
    await system.until_rest()
    assert (await system.states())[BACK_ORDER]["status"] == "held"

    await backorder(system, "dlq", "replay", *chosen, "--again")
    await backorder(system, "dlq", "discard", found["not-json"]["letter"], "--yes")
    await system.until_rest()
    held = [event for event in (await system.histories())[BACK_ORDER] if event["cause"]["id"] == "CMD-EARLY"]
    assert len(held) == 1, "a command that is replayed twice has one effect"
    assert await listed(system) == []
    assert len(await listed(system, "--all")) == 2


async def two_letters(system):
    return len(await system.read("priority-router.dead-letter")) == 2


async def test_a_replay_that_is_refused_again_is_a_new_letter(system):
    await system.publish("order-placed", b"no order")
    await system.until(lambda: letters(system, 1))
    ((before,),) = [await listed(system, "--topic", "order-placed")]
    assert (await backorder(system, "dlq", "replay", before["letter"], "--yes"))[0] == 0
    await system.until(lambda: letters(system, 2))
    ((after,),) = [await listed(system, "--topic", "order-placed")]
    assert (before["letter"], after["letter"]) == ("gap-detector/0", "gap-detector/1")
    assert "is itself the replay of gap-detector/0" in (await backorder(system, "dlq", "show", "gap-detector/1"))[1]


async def letters(system, wanted):
    return len(await system.read("gap-detector.dead-letter")) == wanted


async def test_the_commands_find_the_local_run_by_themselves(system):
    assert (await backorder(system, "lane", "list")) == (0, "no lane is parked\n")
    code, said = await backorder(system, "topics", "accept", "--service", "gap-detector", "--dry-run")
    assert (code, said) == (0, "no reader stands where its log has nothing\n")
