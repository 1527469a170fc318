"""What people ask of a back order, on the running system: right and wrong keys, wrong lanes, twice, across shards."""

import json

import pytest
from e2e_support.upstream import cancellation, line, order, shipped, stock

from backorder_contracts import identity
from backorder_runtime.outbox import Wire

pytestmark = pytest.mark.stack


def bo(order_id, part, location="W1", line_id="1"):
    return identity.back_order_id(order_id, line_id, part, location)


def command(command_id, order_id, part, action, **more):
    told = {
        "command_id": command_id,
        "back_order_id": bo(order_id, part),
        "part_id": part,
        "location_id": "W1",
        "action": action,
        "requested_by": "ops-7",
    }
    return told | more


def wire(event, key=None, ce_id=None):
    headers = ()
    if ce_id is not None:
        ce = {"specversion": "1.0", "id": ce_id, "source": "/console", "type": "back-order.command"}
        headers = tuple((f"ce_{name}", value.encode()) for name, value in ce.items())
    return Wire("back-order-command", key, json.dumps(event).encode(), headers)


def kinds(history):
    return [each.get("command", {}).get("command_id") for each in history if each.get("command")]


async def shards(system, part, *locations):
    rows = await system.query(
        "SELECT lane, shard FROM gap_detector.lane WHERE part_id = $1 AND location_id = ANY ($2)",
        part,
        list(locations),
    )
    return {row["lane"]: row["shard"] for row in rows}


async def ledger(system, part, location):
    (row,) = await system.query(
        "SELECT on_hand, covered, handed, needed FROM gap_detector.lane WHERE part_id = $1 AND location_id = $2",
        part,
        location,
    )
    return tuple(row)


async def test_a_command_works_under_any_key_and_is_answered_once_however_often_it_comes(system):
    await system.publish("order-placed", order("CK-1", line("KEYS", 2)))
    await system.until_rest()
    hold = command("K-hold", "CK-1", "KEYS", "hold", reason="credit check")
    await system.publish_wires([wire(hold, key) for key in (b"nonsense", None, b"", b"W9@KEYS")])
    await system.until_rest()
    resume = command("K-resume", "CK-1", "KEYS", "resume")
    await system.publish_wires([wire(resume, b"x", ce_id="e-1") for _ in range(3)])
    await system.until_rest()
    history = (await system.histories())[bo("CK-1", "KEYS")]
    assert kinds(history) == ["K-hold", "K-resume"]
    assert history[-1]["status"] == "open"
    assert history[-2]["command"]["reason"] == "credit check"


async def test_commands_that_two_systems_call_the_same_are_both_answered(system):
    await system.publish("order-placed", order("CS-1", line("SAME", 2)))
    await system.until_rest()
    cancel = command("K-1", "CS-1", "SAME", "cancel", quantity=1)
    await system.publish_wires([wire(cancel, ce_id=f"system-{n % 2}") for n in range(4)])
    await system.until_rest()
    history = (await system.histories())[bo("CS-1", "SAME")]
    assert kinds(history) == ["K-1", "K-1"]
    assert history[-1]["status"] == "cancelled"


async def test_a_command_for_a_wrong_lane_is_refused_by_the_back_order_that_it_names(system):
    await system.publish("order-placed", order("WL-1", line("WRONG", 2)))
    await system.until_rest()
    # enough other lanes for all shards, that of the back order included
    for n in range(12):
        astray = command(f"K-astray-{n}", "WL-1", "WRONG", "hold", part_id=f"ELSE-{n}")
        await system.publish_wires([wire(astray)])
    await system.until_rest()
    history = (await system.histories())[bo("WL-1", "WRONG")]
    refused = [each for each in history if each.get("command")]
    assert sorted(each["command"]["command_id"] for each in refused) == sorted(f"K-astray-{n}" for n in range(12))
    assert {each["refused"]["reason"] for each in refused} == {"wrong-lane"}
    assert history[-1]["status"] == "open"


async def test_a_command_for_a_back_order_that_nobody_knows_is_a_dead_letter_and_may_be_replayed_later(system):
    await system.publish_wires([wire(command("K-early", "NB-1", "NOBODY", "hold"), b"untouched")])
    await system.until_rest()
    (letter,) = [r for r in await system.read("priority-router.dead-letter") if b"K-early" in (r.value or b"")]
    assert dict(letter.headers)["dlq-reason"] == b"unknown-back-order"
    assert letter.key == b"untouched"
    await system.publish("order-placed", order("NB-1", line("NOBODY", 1)))
    await system.until_rest()
    await system.publish_wires([Wire("back-order-command", letter.key, letter.value, ())])
    await system.until_rest()
    assert (await system.states())[bo("NB-1", "NOBODY")]["status"] == "held"


async def test_every_command_is_carried_out_or_refused_with_a_reason(system):
    await system.publish("order-placed", order("EV-1", line("EVERY", 4)))
    await system.until_rest()
    steps = [
        ("resume", {}, "not-held"),
        ("expedite", {"band": "no-such-band"}, "unknown-band"),
        ("expedite", {"band": "machine-down"}, None),
        ("release", {}, "nothing-allocated"),
        ("cancel", {"quantity": 9}, "not-enough"),
        ("cancel", {"quantity": 1}, None),
        ("reroute", {"to_location_id": "W1"}, "same-location"),
        ("hold", {}, None),
        ("hold", {}, "already-held"),
        ("release", {}, "held"),
        ("cancel", {}, None),
        ("hold", {}, "closed"),
    ]
    for n, (action, more, _) in enumerate(steps):
        await system.publish("back-order-command", command(f"E-{n}", "EV-1", "EVERY", action, **more), key=b"one")
    await system.until_rest()
    history = (await system.histories())[bo("EV-1", "EVERY")]
    answers = {each["command"]["command_id"]: each for each in history if each.get("command")}
    assert [answers[f"E-{n}"].get("refused", {}).get("reason") for n in range(len(steps))] == [s[2] for s in steps]
    assert history[-1]["status"] == "cancelled"


async def test_a_reroute_moves_units_from_lane_to_lane_and_a_cancellation_follows_them(system):
    await system.publish("stock-changed", stock("ROUTE", 1, 1, location="W2"))
    await system.publish("order-placed", order("RR-1", line("ROUTE", 4)), order("RR-2", line("ROUTE", 2)))
    await system.until_rest()
    await system.publish("back-order-command", command("R-1", "RR-1", "ROUTE", "reroute", to_location_id="W2"))
    await system.until_rest()
    states = await system.states()
    here, there = states[bo("RR-1", "ROUTE")], states[bo("RR-1", "ROUTE", "W2")]
    assert (here["status"], here["to_back_order_id"]) == ("rerouted", bo("RR-1", "ROUTE", "W2"))
    assert (there["quantity"]["ordered"], there["quantity"]["covered"], there["quantity"]["waiting"]) == (4, 1, 3)
    assert there["rerouted_from"] == bo("RR-1", "ROUTE")
    assert await ledger(system, "ROUTE", "W1") == (0, 0, 0, 2)
    assert await ledger(system, "ROUTE", "W2") == (1, 1, 0, 3)

    await system.publish("order-cancelled", cancellation("RR-1", {"line_id": "1", "quantity": 2}))
    await system.until_rest()
    there = (await system.states())[bo("RR-1", "ROUTE", "W2")]
    assert (there["quantity"]["waiting"], there["quantity"]["cancelled"]) == (1, 2)
    assert there["cause"]["type"] == "order.cancelled"
    await system.publish("order-cancelled", cancellation("RR-1", reason="not wanted any more"))
    await system.until_rest()
    assert (await system.states())[bo("RR-1", "ROUTE", "W2")]["status"] == "cancelled"
    assert await ledger(system, "ROUTE", "W2") == (1, 0, 0, 0), "its cover is free again"
    assert await ledger(system, "ROUTE", "W1") == (0, 0, 0, 2)
    assert (await system.states())[bo("RR-2", "ROUTE")]["quantity"]["waiting"] == 2


@pytest.mark.parametrize("killed", ["priority-router", "gap-detector"])
async def test_reroutes_lose_and_double_no_unit_when_either_side_dies_in_between(system, killed):
    part, count = f"KILL-{killed[:3].upper()}", 40
    await system.publish("order-placed", *[order(f"{part}-{n}", line(part, 3)) for n in range(count)])
    await system.publish("stock-changed", *[stock(part, 0, 1, location=f"V{n}") for n in range(6)])
    await system.until_rest()
    owners = await shards(system, part, "W1", *(f"V{n}" for n in range(6)))
    home = owners[f"{part}@W1"]
    away = next(lane.split("@")[1] for lane, shard in owners.items() if shard != home)
    for n in range(count):
        event = command(f"{part}-K{n}", f"{part}-{n}", part, "reroute", to_location_id=away)
        await system.publish_wires([wire(event), wire(event, b"again")])
        if n in {5, 20}:
            await system.kill(killed)
    await system.publish("order-cancelled", *[cancellation(f"{part}-{n}") for n in range(0, count, 4)])
    await system.kill(killed)
    await system.until_rest(240)
    states = await system.states()
    wanted = [n for n in range(count) if n % 4]
    waits = {
        n: states.get(bo(f"{part}-{n}", part, away), {}).get("quantity", {}).get("waiting", 0) for n in range(count)
    }
    assert waits == {n: 3 if n in wanted else 0 for n in range(count)}
    assert {states[bo(f"{part}-{n}", part)]["status"] for n in wanted} == {"rerouted"}
    assert {states[bo(f"{part}-{n}", part)]["status"] for n in range(count)} <= {"rerouted", "cancelled"}
    assert await ledger(system, part, "W1") == (0, 0, 0, 0)
    assert await ledger(system, part, away) == (0, 0, 0, 3 * len(wanted))

    await system.publish("stock-changed", stock(part, 3 * len(wanted) + 2, 2, location=away))
    await system.until_rest(240)
    states = await system.states()
    assert sum(states[bo(f"{part}-{n}", part, away)]["quantity"]["released"] for n in wanted) == 3 * len(wanted)
    assert await ledger(system, part, away) == (3 * len(wanted) + 2, 0, 3 * len(wanted), 0), "two units are free"
    left = [shipped(f"{part}-{n}", "1", 3) for n in wanted]
    await system.publish("stock-changed", stock(part, 2, 3, "shipped", location=away, shipped=left))
    await system.until_rest(240)
    states = await system.states()
    assert {states[bo(f"{part}-{n}", part, away)]["status"] for n in wanted} == {"completed"}
