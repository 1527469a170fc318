"""What happened can be decided again: exactly as it was, and as it would have been under another policy."""

import json

import pytest
from e2e_support.command_line import backorder
from e2e_support.replaying import decided_again, published
from e2e_support.upstream import cancellation, delivery, line, order, shipped, stock

from backorder_contracts import identity
from priority_router.policy_file import default_text

pytestmark = pytest.mark.stack
PARTS = [f"DAY-{n}" for n in range(8)]
FIFO = """\
version: first-come
bands: [{name: all, when: "true", target: 48h, strategy: fill}]
"""


def _values(events, kind):
    return [value for shard in events.values() for each, value in shard if each == f"back-order.{kind}"]


async def a_day(system, name):
    """Orders, deliveries, stock, shipments, commands, cancellations, losses, in several lanes at once.

    Two parts are there so that some things surely happen. Of one, a line that ships only complete holds two of its
    three units, unreleased, until a machine that is down takes them. Of the other there is none: its line is rerouted.
    """
    fought, absent = f"FOUGHT-{name}", f"ABSENT-{name}"
    patient = order(f"{name}-PATIENT", line(fought, 3, ship_policy="complete"))
    urgent = order(f"{name}-URGENT", line(fought, 2, service_impact="down"))
    tiers = ("standard", "gold", "platinum", "silver")
    orders = []
    for n, part in enumerate(PARTS * 3):
        more = {"service_impact": "down"} if n % 7 == 3 else {}
        policy = {"ship_policy": "complete"} if n % 5 == 2 else {}
        orders.append(
            order(f"{name}-{n}", line(part, 1 + n % 4, **more, **policy), tier=tiers[n % 4], customer=f"C-{n % 6}")
        )
    await system.publish("order-placed", *orders[:12], patient, order(f"{name}-AWAY", line(absent, 2)))
    await system.publish("supplier-delivery", *[delivery(f"{name}-{p}", p, 5) for p in (*PARTS, fought)])
    await system.until_rest()
    await system.publish("order-placed", *orders[12:], orders[0])
    version = {"D1": 10, "D2": 20, "D3": 30}[name]
    await system.publish(
        "stock-changed", *[stock(p, 3, version, "received", quantity=3, delivery_id=f"{name}-{p}") for p in PARTS]
    )
    await system.publish("stock-changed", stock(fought, 2, 1, "received", quantity=2, delivery_id=f"{name}-{fought}"))
    commands = [("hold", 12), ("expedite", 13), ("cancel", 14), ("reroute", 15), ("resume", 16), ("reroute", "AWAY")]
    for action, n in commands:
        part = absent if n == "AWAY" else (PARTS * 3)[n]
        event = {
            "command_id": f"{name}-K{n}",
            "back_order_id": identity.back_order_id(f"{name}-{n}", "1", part, "W1"),
            "part_id": part,
            "location_id": "W1",
            "action": action,
            "requested_by": "ops",
            **({"band": "machine-down"} if action == "expedite" else {}),
            **({"to_location_id": "W2"} if action == "reroute" else {}),
        }
        await system.publish("back-order-command", event, event)
    await system.until_rest()
    await system.publish("order-placed", urgent)
    await system.publish("order-cancelled", cancellation(f"{name}-1"), cancellation(f"{name}-20"))
    await system.publish("stock-changed", *[stock(p, 1, version + 1, "scrapped") for p in PARTS[:4]])
    await system.publish(
        "stock-changed",
        *[stock(p, 0, version + 2, "shipped", shipped=[shipped(f"{name}-{n}", "1", 1)]) for n, p in enumerate(PARTS)],
    )
    await system.until_rest()


async def test_with_the_policy_in_force_every_event_is_reproduced_field_by_field(system, tmp_path):
    await system.until(lambda: system.query("SELECT 1 FROM priority_router.checkpoint"))
    await a_day(system, "D1")
    await system.kill("priority-router")
    file = tmp_path / "policy.yaml"
    file.write_text(default_text().replace('"2026-11-24.1"', '"silver"').replace("'platinum', 'gold'", "'silver'"))
    assert (await backorder(system, "policy", "apply", str(file)))[0] == 0
    await a_day(system, "D2")
    await system.kill("priority-router")
    await a_day(system, "D3")
    again = await decided_again(system)
    real = published(await system.read("back-order-state"), system.endpoints.partitions)
    assert sum(len(events) for events in real.values()) > 200
    for shard, events in real.items():
        for position, (was, replay) in enumerate(zip(events, again[shard], strict=False)):
            assert (shard, position, replay[0], json.loads(replay[1])) == (shard, position, was[0], json.loads(was[1]))
            assert replay == was
        assert len(again[shard]) == len(events)
    kinds = {kind for events in real.values() for kind, _ in events}
    wanted = ("allocated", "revoked", "released", "rerouted", "promised")
    assert {f"back-order.{kind}" for kind in wanted} <= kinds
    won = {each["back_order_id"] for each in map(json.loads, _values(real, "revoked")) if each["rule"] == "win"}
    patient = {identity.back_order_id(f"{day}-PATIENT", "1", f"FOUGHT-{day}", "W1") for day in ("D1", "D2", "D3")}
    assert patient <= won


async def test_a_policy_is_tried_on_the_day_and_the_running_system_is_untouched(system, tmp_path):
    before = await system.query("SELECT lane, policy_version, state FROM priority_router.lane_queue ORDER BY lane")
    events = len(await system.read("back-order-state"))
    file = tmp_path / "fifo.yaml"
    file.write_text(FIFO)
    (begin,) = await system.query("SELECT min(at) AS at FROM priority_router.checkpoint")
    since = begin["at"].isoformat()
    code, said = await backorder(system, "policy", "simulate", str(file), "--since", since, "--json")
    assert code == 0, said
    found = json.loads(said)
    assert found["total"]["lines"] > 20
    assert found["total"]["earlier"] > 0
    assert found["total"]["later"] > 0
    assert found["customers"].keys() <= {f"C-{n}" for n in range(6)}
    assert {line["band_then"] for line in found["earlier"]} == {"all"}
    code, said = await backorder(system, "policy", "simulate", str(file), "--since", since)
    assert "breaches avoided: " in said
    assert "Would have got their units earlier" in said
    assert (
        await system.query("SELECT lane, policy_version, state FROM priority_router.lane_queue ORDER BY lane") == before
    )
    assert len(await system.read("back-order-state")) == events


async def test_a_time_before_the_recording_and_a_bad_time_are_said_plainly(system, tmp_path):
    file = tmp_path / "fifo.yaml"
    file.write_text(FIFO)
    code, said = await backorder(system, "policy", "simulate", str(file), "--since", "2020-01-01")
    assert code == 1
    assert "the recording begins" in said
    code, said = await backorder(system, "policy", "simulate", str(file), "--since", "yesterday")
    assert code == 1
    assert "or a span such as 12h or 2d" in said
