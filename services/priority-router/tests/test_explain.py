from datetime import timedelta

import pytest
from router_desk import HOUR, START, Desk, policy

from backorder_contracts.internal import LineDetail, Lot, Shortage, UnitsHanded
from priority_router.decisions import decision_of
from priority_router.domain.decide import decide
from priority_router.domain.evolve import evolve
from priority_router.explain import next_of, sentence
from priority_router.publish import Teller
from priority_router.questions import Standing
from priority_router.repository import LaneState


def standing(desk, order):
    line = desk.line(order)
    ahead = [o for o in desk.queue.orders.values() if o.waiting and not o.held and not o.lending and o.rank < line.rank]
    q = desk.queue
    state = LaneState(q.idle, q.idle_lots, q.inbound, q.supplied, q.stirred_by, q.timers, q.unsettled_by)
    sums = (len(ahead), sum(o.waiting for o in ahead))
    return Standing(q.lane, q.policy.version, None, state, line, *sums, (), ())


def what_next(desk, order):
    return next_of(standing(desk, order), desk.queue.policy, desk.now)


@pytest.fixture
def desk():
    return Desk()


def told(desk, event):
    """The decisions that a Teller keeps of what follows from an event."""
    teller = Teller(desk.queue, None, desk.now)
    for fact in decide(desk.queue, event, desk.now):
        evolve(desk.queue, fact)
        teller.tell(fact)
    return teller.decisions


def test_a_line_that_waits_names_the_delivery_that_brings_its_last_unit(desk):
    desk.short("A", 3, placed=0)
    desk.short("B", 4, placed=1)
    desk.inbound(("PO-1", 5, 24), ("PO-2", 9, 48, 72))
    found = what_next(desk, "B")
    assert (found.reason, found.delivery_id) == ("waits-for-delivery", "PO-2")
    assert found.detail == "3 units of 1 line are served before it; it waits for 4 units."
    assert found.helps == "Delivery PO-1 brings the first of them, delivery PO-2 the last."
    assert (found.p50, found.p90) == (START + 48 * HOUR, START + 72 * HOUR)
    assert what_next(desk, "A").helps == "Delivery PO-1 brings them."


def test_an_overdue_delivery_is_expected_now_at_the_earliest(desk):
    desk.short("A", 1)
    desk.inbound(("PO-1", 1, 5, 9))
    desk.now = START + 7 * HOUR
    found = what_next(desk, "A")
    assert (found.p50, found.p90) == (START + 7 * HOUR, START + 9 * HOUR)


def test_without_supply_it_says_how_many_units_are_missing(desk):
    desk.short("A", 3)
    found = what_next(desk, "A")
    assert found.reason == "no-supply"
    assert found.detail == "It is the first in line; it waits for 3 units. No delivery is announced."
    assert found.helps == "3 more units have to be ordered, or a better rank."
    desk.inbound(("PO-1", 2, 24))
    assert what_next(desk, "A").helps == "1 more unit has to be ordered, or a better rank."


def test_a_protected_promise_says_how_many_units_may_still_come_first(desk):
    desk.short("F", 2, placed=1)
    desk.inbound(("PO-1", 2, 30), ("PO-2", 2, 60), ("PO-3", 9, 90))
    desk.settle_promises()
    desk.short("W1", 2, service_impact="down")
    desk.settle_promises()
    desk.short("W2", 3, service_impact="down")
    found = what_next(desk, "F")
    assert found.detail == (
        "5 units of 2 lines have a better rank, but its promise is protected: "
        "no more than 2 units of them come first; it waits for 2 units."
    )
    assert (found.delivery_id, found.p50) == ("PO-2", START + 60 * HOUR)
    decisions = told(desk, UnitsHanded("BRK-204", "W1", 3, desk.cause()))
    won = next(d for d in decisions if d.rule == "promise-kept")
    assert sentence(won) == (
        "1 unit set aside at place 2: others made its promise worse as often as they may, and it rests on these units; "
        f"passed over: {desk.id('W2')} (of a better rank, but not promised these units)."
    )


def test_held_lending_set_aside_manual_released_and_ended_lines_say_so(desk):
    desk.short("H", 2)
    desk.command("hold", "H")
    assert what_next(desk, "H").helps == "A resume command."
    desk.short("C", 5, ship_policy="complete", placed=-100)
    desk.units(2)
    desk.settle_promises()
    assert what_next(desk, "C").reason == "cannot-complete"
    desk.short("D", 1, placed=500)
    assert desk.line("D").allocated == 1, "it uses what C lends"
    assert what_next(desk, "D").reason == "debounce"
    desk.wait(timedelta(seconds=5))
    assert what_next(desk, "D").reason == "released"
    desk.shipped("D", 1, 1)
    assert what_next(desk, "D") is None


def test_a_manual_band_waits_for_a_command():
    desk = Desk(policy(manual=("b2",)))
    desk.short("A", 1)
    desk.units(1)
    assert what_next(desk, "A").helps == "A release command."


def test_an_allocation_keeps_its_rule_place_deliveries_and_who_stood_behind(desk):
    desk.short("A", 2, placed=0)
    desk.short("B", 3, placed=1)
    desk.short("C", 4, placed=2)
    desk.short("D", 5, placed=3)
    (decision,) = told(desk, UnitsHanded("BRK-204", "W1", 2, desk.cause(), (Lot("PO-1", 2),)))
    assert (decision.kind, decision.rule, decision.rank, decision.detail.units) == ("allocated", "rank-order", 1, 2)
    assert [n.back_order_id for n in decision.detail.behind] == [desk.id("B"), desk.id("C")]
    assert [n.waiting for n in decision.detail.behind] == [3, 4]
    assert sentence(decision) == "2 units set aside (from PO-1) at place 1: it was the first line that waited."


def test_a_revocation_names_the_line_that_took_the_units(desk):
    desk.short("LOW", 2)
    desk.units(2)
    line = LineDetail("TOP", "1", "BRK-204", "W1", 2, START, "C-9", service_impact="down")
    decisions = told(desk, Shortage(desk.id("TOP"), line, 2, 0, True, desk.now, desk.cause()))
    revoked = next(d for d in decisions if d.kind == "revoked")
    won = next(d for d in decisions if d.kind == "allocated")
    assert revoked.detail.taken_for == desk.id("TOP")
    assert won.detail.taken_from == desk.id("LOW")
    assert sentence(revoked) == (
        f"2 units taken back at place 2 for {desk.id('TOP')}: "
        "its band wins units from fill lines of lower bands, such as this one."
    )
    assert "its band wins units from fill lines of lower bands" in sentence(won)


def test_who_was_passed_over_and_why_is_kept(desk):
    desk.short("HELD", 1, placed=0)
    desk.short("NEXT", 1, placed=1)
    desk.command("hold", "HELD")
    (decision,) = told(desk, UnitsHanded("BRK-204", "W1", 1, desk.cause()))
    assert decision.detail.passed_over == ((desk.id("HELD"), 1, "held"),)
    assert f"passed over: {desk.id('HELD')} (on hold)." in sentence(decision)


def test_those_who_are_not_named_are_counted(desk):
    for n in range(5):
        desk.short(f"HELD{n}", 1, placed=n)
        desk.command("hold", f"HELD{n}")
    desk.short("NEXT", 1, placed=9)
    (decision,) = told(desk, UnitsHanded("BRK-204", "W1", 1, desk.cause()))
    assert sentence(decision).endswith(f"{desk.id('HELD2')} (on hold), and 2 more.")


def test_what_only_the_queue_cares_about_is_not_kept(desk):
    desk.short("A", 1)
    facts = desk.inbound(("PO-1", 5, 24)) + desk.settle_promises()
    promised = [fact for fact in facts if type(fact).__name__ == "Promised"]
    assert promised
    assert decision_of(promised[0], desk.queue, {}, desk.now) is None
