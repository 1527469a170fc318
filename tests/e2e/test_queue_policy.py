"""The rules of the queue from the command line, and what the queue says of itself."""

import json
import urllib.request

import pytest
from e2e_support.command_line import backorder
from e2e_support.upstream import delivery, line, order, stock

from backorder_contracts import identity
from backorder_contracts.policy import PolicyApplied
from backorder_runtime.outbox import Wire
from priority_router.policy_file import default_text

pytestmark = pytest.mark.stack

TURNED = (
    default_text()
    .replace('"2026-11-24.1"', '"silver-first"')
    .replace("tier in ['platinum', 'gold']", "tier == 'silver'")
    .replace("key-account", "silver")
)


def ask(system, path):
    url = system.endpoints.services["priority-router"]["metrics"].removesuffix("/metrics") + path
    with urllib.request.urlopen(url, timeout=20) as answer:  # noqa: S310
        return json.load(answer)


def bo(order_id, part, line_id="1"):
    return identity.back_order_id(order_id, line_id, part, "W1")


async def test_the_queue_of_a_lane_is_shown_in_rank_order_page_by_page(system):
    for n, tier in enumerate(("standard", "gold", "silver", "platinum")):
        await system.publish("order-placed", order(f"Q-{n}", line("PAGED", 2), tier=tier, customer=f"C-{n}"))
    await system.publish("supplier-delivery", delivery("PO-PAGED", "PAGED", 3))
    await system.until_rest()
    found = ask(system, "/lanes/PAGED@W1?limit=3")
    assert [(each["rank"], each["order_id"], each["band"]) for each in found["lines"]] == [
        (1, "Q-1", "key-account"),
        (2, "Q-3", "key-account"),
        (3, "Q-0", "standard"),
    ]
    assert found["waiting"] == {"lines": 4, "units": 8}
    assert found["inbound"][0]["delivery_id"] == "PO-PAGED"
    assert found["policy_version"] == found["policy_in_force"] == "2026-11-24.1"
    rest = ask(system, f"/lanes/PAGED@W1?offset={found['next']}")
    assert [(each["rank"], each["order_id"]) for each in rest["lines"]] == [(4, "Q-2")]
    assert rest["next"] is None
    with pytest.raises(urllib.request.HTTPError, match="404"):
        ask(system, "/lanes/NEVER@W1")


async def test_a_back_order_is_explained_before_and_after_it_got_its_units(system):
    await system.publish("order-placed", order("X-1", line("WHY", 2)))
    await system.until_rest()
    await system.publish("order-placed", order("X-2", line("WHY", 3), tier="gold"))
    await system.publish("supplier-delivery", delivery("PO-WHY", "WHY", 9))
    await system.until_rest()
    waiting = ask(system, f"/back-orders/{bo('X-1', 'WHY')}/explain")
    assert waiting["place"]["lines_ahead"] == 1
    assert waiting["place"]["units_ahead"] == 3
    assert waiting["place"]["nearest_ahead"][0]["back_order_id"] == bo("X-2", "WHY")
    assert (waiting["next"]["reason"], waiting["next"]["delivery_id"]) == ("waits-for-delivery", "PO-WHY")

    await system.publish("stock-changed", stock("WHY", 4, 1, "received", quantity=4, delivery_id="PO-WHY"))
    await system.until_rest()
    first = ask(system, f"/back-orders/{bo('X-2', 'WHY')}/explain")
    allocated = next(each for each in first["decisions"] if each["kind"] == "allocated")
    assert (allocated["rule"], allocated["rank"], allocated["units"]) == ("rank-order", 1, 3)
    assert allocated["cause"]["type"] == "stock.changed"
    assert allocated["behind"] == [{"back_order_id": bo("X-1", "WHY"), "waiting": 2}]
    assert first["others"][bo("X-1", "WHY")]["order_id"] == "X-1"
    code, said = await backorder(system, "explain", bo("X-1", "WHY"))
    assert code == 0
    assert "1 unit set aside (from PO-WHY) at place 1: it was the first line that waited." in said
    assert "What helps: Delivery PO-WHY brings them." in said
    code, said = await backorder(system, "explain", "BO-nobody")
    assert (code, said) == (1, "backorder explain: no back order BO-nobody is known\n")


async def test_a_policy_is_put_into_force_without_a_restart_and_the_queue_turns(system, tmp_path):
    pids = {name: each["pid"] for name, each in system.endpoints.services.items()}
    for n, tier in enumerate(("gold", "silver")):
        await system.publish("order-placed", order(f"T-{n}", line("TURN", 2), tier=tier))
    await system.until_rest()
    file = tmp_path / "policy.yaml"
    file.write_text(TURNED.replace("strategy: gain", "strategy: grab"))
    code, said = await backorder(system, "policy", "apply", str(file))
    assert code == 1
    assert ":6: strategy grab is not known; choose one of win, gain, fill" in said

    file.write_text(TURNED)
    code, said = await backorder(system, "policy", "diff", str(file))
    assert "- band key-account is gone" in said
    code, said = await backorder(system, "policy", "apply", str(file), "--by", "ops-7")
    assert code == 0, said
    assert "every lane is ranked by it" in said
    await system.until_rest()
    states = await system.states()
    assert [(states[bo(f"T-{n}", "TURN")]["band"], states[bo(f"T-{n}", "TURN")]["policy_version"]) for n in (0, 1)] == [
        ("standard", "silver-first"),
        ("silver", "silver-first"),
    ]
    moved = [s for s in (await system.histories())[bo("T-1", "TURN")] if s.get("reason") == "policy"]
    assert [each["cause"] for each in moved] == [{"type": "policy", "id": "silver-first"}]
    await system.publish("stock-changed", stock("TURN", 2, 1))
    await system.until_rest()
    assert (await system.states())[bo("T-1", "TURN")]["quantity"]["released"] == 2
    assert {name: each["pid"] for name, each in system.endpoints.services.items()} == pids
    code, said = await backorder(system, "policy", "show")
    assert said.endswith(TURNED)
    assert "by ops-7" in said
    file.write_text(TURNED.replace("72h", "71h"))
    code, said = await backorder(system, "policy", "apply", str(file))
    assert code == 1
    assert "write another version into the file" in said


async def test_a_bad_record_on_the_policy_topic_stops_nothing(system):
    (known,) = await _policies(system)
    bad = [b"", b"not json", b'{"version": 1}', json.dumps({**known, "text": "bands: []"}).encode()]
    bad.append(json.dumps({**known, "text": known["text"].replace("72h", "1h")}).encode())
    headers = (("ce_specversion", b"1.0"), ("ce_id", b"x"), ("ce_source", b"/x"), ("ce_type", b"back-order.policy"))
    await system.publish_wires([Wire("back-order-policy", b"policy", value, headers, 0) for value in bad])
    await system.publish_wires([Wire("back-order-policy", b"policy", None, headers, 0)])
    await system.publish("order-placed", order("BAD-1", line("BADP", 1), tier="silver"))
    await system.until_rest()
    assert (await system.states())[bo("BAD-1", "BADP")]["band"] == "silver"
    assert ask(system, "/policy")["version"] == "silver-first"
    await system.kill("priority-router")
    await system.until_rest()
    await system.publish("order-placed", order("BAD-2", line("BADP", 1), tier="silver"))
    await system.until_rest()
    assert (await system.states())[bo("BAD-2", "BADP")]["band"] == "silver", "after a restart, too"


async def _policies(system):
    found = [json.loads(record.value) for record in await system.read("back-order-policy")]
    return [PolicyApplied.model_validate(each).model_dump(mode="json") for each in found]
