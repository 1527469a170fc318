"""The compacted topic on the running system: what comes late does not stay the last word about a back order."""

import json

import pytest
from e2e_support.upstream import line, order, stock

from backorder_contracts import identity
from backorder_runtime.outbox import Wire

pytestmark = pytest.mark.stack
TOPIC = "back-order-snapshot"
BO = identity.back_order_id("LATE", "1", "SEAL-9", "W1")


async def snapshots(system, name):
    return [record for record in await system.read(TOPIC) if record.key == name.encode()]


async def send_late(system, record):
    """What a producer does that held the record while it stood still."""
    await system.publish_wires([Wire(TOPIC, record.key, record.value, tuple(record.headers), record.partition)])


async def last_says(system, name, version):
    """When the last record of a back order says this version, or None for none: the record."""

    async def said():
        record = (await snapshots(system, name))[-1]
        return record if (json.loads(record.value)["version"] if record.value else None) == version else None

    return await system.until(said)


async def test_an_old_snapshot_behind_a_newer_one_is_followed_by_the_newest_state(system):
    await system.publish("order-placed", order("LATE", line("SEAL-9", 2)))
    await system.until_rest()
    await system.publish("stock-changed", stock("SEAL-9", 2, 1, "received", quantity=2))
    await system.until_rest()
    first, *_, newest = await snapshots(system, BO)
    state = (await system.states())[BO]
    assert json.loads(newest.value)["version"] == state["version"] > json.loads(first.value)["version"]
    await send_late(system, first)
    restored = await last_says(system, BO, state["version"])
    assert restored.value == newest.value, "the same state, byte for byte"
    assert dict(restored.headers)["ce_source"] == b"/backorder/priority-router/snapshots"


async def test_one_that_comes_while_the_router_is_away_is_followed_by_it_too(system):
    first, *_ = await snapshots(system, BO)
    version = (await system.states())[BO]["version"]
    await system.until_rest()
    killed = await system.kill("priority-router")
    await send_late(system, first)
    await last_says(system, BO, version)
    assert system.endpoints.services["priority-router"]["pid"] != killed


async def test_an_old_snapshot_of_what_nobody_knows_any_more_is_followed_by_its_end(system):
    first, *_ = await snapshots(system, BO)
    forgotten = identity.back_order_id("FORGOTTEN", "1", "SEAL-9", "W1")
    state = json.loads(first.value) | {"back_order_id": forgotten, "order_id": "FORGOTTEN"}
    wire = Wire(TOPIC, forgotten.encode(), json.dumps(state).encode(), tuple(first.headers), first.partition)
    await system.publish_wires([wire])
    gone = await last_says(system, forgotten, None)
    assert dict(gone.headers)["ce_subject"] == forgotten.encode()
