"""What the queue publishes reads as the contract says, at the edges too."""

import json
from datetime import UTC, datetime, timedelta

from router_desk import Desk, policy

from backorder_contracts.internal import CommandEntry, LineDetail, Origin, Shortage, UnitsHanded
from backorder_contracts.state import BackOrderState
from priority_router.domain.decide import decide
from priority_router.domain.evolve import evolve
from priority_router.publish import Teller

END = datetime(9999, 1, 1, tzinfo=UTC)


def told(desk, event):
    """What is told of the states that follow, and of the newest ones."""
    teller, found = Teller(desk.queue, event if isinstance(event, CommandEntry) else None, desk.now), []
    for fact in decide(desk.queue, event, desk.now):
        evolve(desk.queue, fact)
        found += [m.value for m in teller.tell(fact) if getattr(m, "topic", None) == "back-order-state"]
    return found, [message.value for message in teller.snapshots()]


def published(desk, event):
    """The state events that follow, read as an integrator reads them."""
    states, _ = told(desk, event)
    return [BackOrderState.model_validate_json(state) for state in states]


def command(desk, action, order, **fields):
    origin = Origin("back-order-command", 0, 0)
    return CommandEntry("K-1", desk.id(order), "BRK-204", "W1", action, "U-4", desk.cause(), origin, **fields)


def test_the_snapshot_is_the_newest_state_without_what_its_event_adds():
    desk = Desk()
    desk.short("A", 3)
    states, (snapshot,) = told(desk, UnitsHanded("BRK-204", "W1", 3, desk.cause()))
    last, kept = json.loads(states[-1]), json.loads(snapshot)
    assert {key: last[key] for key in kept} == kept
    assert "changed" in last
    assert "changed" not in kept


def test_the_versions_of_a_forgotten_back_order_begin_anew_and_only_the_first_has_no_band():
    desk = Desk()
    line = LineDetail("A", "1", "BRK-204", "W1", 9, desk.now, "C-1")
    said = published(desk, Shortage(desk.id("A"), line, 2, 7, False, desk.now, desk.cause()))
    assert [(each.version, each.band) for each in said] == [(1, None), (2, "b2")]
    assert [(each.due_at is None, each.policy_version is None) for each in said] == [(True, True), (False, False)]


def test_a_refused_command_says_why_in_a_sentence():
    desk = Desk()
    desk.short("A", 3)
    (said,) = published(desk, command(desk, "cancel", "A", quantity=4))
    assert (said.refused.reason, said.refused.detail) == ("not-enough", "Only 3 units can be cancelled.")


def test_a_sentence_that_would_be_too_long_is_cut():
    rules = policy("f" * 100)
    desk = Desk(rules)
    desk.short("A", 3)
    (said,) = published(desk, command(desk, "expedite", "A", band="x" * 64))
    assert said.refused.reason == "unknown-band"
    assert said.refused.detail.startswith("The policy has no band x")
    assert len(said.refused.detail) == 500


def test_the_last_day_that_can_be_named_can_be_published():
    desk = Desk()
    line = LineDetail("A", "1", "BRK-204", "W1", 2, desk.now, "C-1", need_by=END)
    (said,) = published(desk, Shortage(desk.id("A"), line, 2, 0, True, desk.now, desk.cause()))
    assert (said.need_by, said.due_at) == (END, END)


def test_a_target_that_would_end_after_all_time_ends_with_it():
    desk = Desk()
    late = END - timedelta(seconds=1)
    line = LineDetail("A", "1", "BRK-204", "W1", 2, late, "C-1")
    (said,) = published(desk, Shortage(desk.id("A"), line, 2, 0, True, desk.now, desk.cause()))
    assert (said.placed_at, said.due_at) == (late, END)


def test_units_that_are_kept_for_a_promise_name_who_was_passed_over():
    desk = Desk(policy(max_worsened=0))
    desk.short("F", 2)
    desk.inbound(("PO-1", 2, 30))
    desk.settle_promises()
    desk.short("W", 2, service_impact="down")
    (said,) = published(desk, UnitsHanded("BRK-204", "W1", 2, desk.cause()))
    assert (said.back_order_id, said.rule, said.reason) == (desk.id("F"), "promise-kept", "arrival")
    assert [(line.back_order_id, line.reason) for line in said.passed_over] == [(desk.id("W"), "promise-kept")]


def test_all_who_were_passed_over_are_counted_and_some_of_each_reason_named():
    desk = Desk()
    for n in range(5):
        desk.short(f"HELD{n}", 1, placed=n)
        desk.command("hold", f"HELD{n}")
    for n in range(4):
        desk.short(f"WHOLE{n}", 9, ship_policy="complete", placed=5 + n)
    desk.settle_promises()
    desk.short("A", 1, placed=10)
    desk.short("LATER", 1, placed=11)
    desk.command("hold", "LATER")
    (said,) = published(desk, UnitsHanded("BRK-204", "W1", 1, desk.cause()))
    assert said.back_order_id == desk.id("A")
    named = [f"HELD{n}" for n in range(3)] + [f"WHOLE{n}" for n in range(3)]
    assert [line.back_order_id for line in said.passed_over] == [desk.id(order) for order in named]
    assert said.passed_over_total == 9
