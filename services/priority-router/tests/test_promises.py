"""What customers are promised, who lends to whom, and how steady that is."""

from datetime import UTC, datetime, timedelta

import pytest
from router_desk import HOUR, SECOND, START, Desk, policy, promises

from priority_router.domain import facts as f
from priority_router.domain.draft import Draft
from priority_router.domain.events import Inbound, InboundSeen, TimerRang


def test_a_promise_is_when_supply_passes_the_need_up_to_the_line():
    desk = Desk()
    for i, order in enumerate("ABC"):
        desk.short(order, 4, placed=i)
    desk.inbound(("PO-1", 5, 24, 30), ("PO-2", 5, 48, 50), ("PO-3", 1, 72))
    desk.settle_promises()
    assert promises(desk) == {"A": 24, "B": 48, "C": None}
    said = desk.all(f.Promised)[1]
    assert (said.p90, said.delivery_ids) == (START + 50 * HOUR, ("PO-1", "PO-2"))


def test_five_inbound_units_do_not_cover_fifty():  # P9
    desk = Desk()
    desk.short("A", 50)
    desk.inbound(("PO-1", 5, 24))
    desk.settle_promises()
    assert promises(desk) == {"A": None}


def test_units_set_aside_do_not_wait_for_supply_again():  # P4: a line does not stand in its own way
    desk = Desk()
    desk.short("A", 5)
    desk.units(3)
    desk.inbound(("PO-1", 2, 24), ("PO-2", 9, 48))
    desk.settle_promises()
    assert promises(desk) == {"A": 24}


def test_a_promise_is_published_only_when_it_moves_beyond_the_tolerance():
    desk = Desk()
    desk.short("A", 1)
    desk.short("B", 1, placed=1)
    desk.inbound(("PO-1", 1, 48), ("PO-2", 1, 99))
    desk.settle_promises()
    for hours in (60, 36, 48, 60):
        desk.inbound(("PO-1", 1, hours), ("PO-2", 1, 99))
        desk.settle_promises()
        assert desk.kinds() == []
    desk.inbound(("PO-1", 1, 61), ("PO-2", 1, 99))
    desk.settle_promises()
    assert desk.kinds() == ["Promised"]
    line = desk.line("A")
    assert (line.first_p50, line.revisions) == (START + 48 * HOUR, 1)


def test_a_promise_within_the_tolerance_stays_when_a_neighbour_is_promised_the_same_delivery():
    desk = Desk()
    desk.short("A", 1)
    desk.inbound(("PO-1", 9, 48))
    desk.settle_promises()
    desk.short("B", 1, placed=1)
    desk.inbound(("PO-1", 9, 60))
    desk.settle_promises()
    assert [said.back_order_id for said in desk.all(f.Promised)] == [desk.id("B")]
    assert promises(desk) == {"A": 48, "B": 60}


def test_a_cautious_date_that_moves_is_a_moved_promise():
    desk = Desk()
    desk.short("A", 1)
    desk.inbound(("PO-1", 1, 48, 50))
    desk.settle_promises()
    desk.inbound(("PO-1", 1, 48, 90))
    desk.settle_promises()
    assert desk.kinds() == ["Promised"]


def test_changes_within_a_second_move_promises_once():
    desk = Desk()
    desk.short("A", 1)
    desk.inbound(("PO-1", 1, 48))
    desk.settle_promises()
    desk.inbound()  # received, and the units are on their way through the ledger
    desk.units(1, ("PO-1", 1))
    desk.settle_promises()
    assert desk.kinds() == ["Released"]


def test_a_promise_is_withdrawn_when_its_supply_vanishes():
    desk = Desk()
    desk.short("A", 1)
    desk.inbound(("PO-1", 1, 48))
    desk.settle_promises()
    desk.inbound()
    cause = desk.cause()
    desk.settle_promises()
    said = desk.one(f.PromiseWithdrawn)
    assert (said.reason, said.overtaken) == ("no-supply", False)
    assert said.cause.id == str(int(cause.id) - 1)
    assert desk.line("A").first_p50 == START + 48 * HOUR


def test_owed_units_come_out_of_the_first_supply():
    desk = Desk()
    desk.short("A", 2)
    desk.units(2)
    desk.wait(2 * SECOND)
    desk.units(-2)
    desk.short("B", 2, placed=1)
    desk.inbound(("PO-1", 2, 24), ("PO-2", 2, 48))
    desk.settle_promises()
    assert promises(desk)["B"] == 48


def test_a_promise_beyond_the_due_date_is_at_risk_once():
    desk = Desk()
    desk.short("A", 1)
    desk.inbound(("PO-1", 1, 60))
    desk.settle_promises()
    assert desk.kinds() == ["Promised"]
    desk.inbound(("PO-1", 1, 90))
    desk.settle_promises()
    assert desk.kinds() == ["Promised", "AtRisk"]
    desk.inbound(("PO-1", 1, 120))
    desk.settle_promises()
    assert desk.kinds() == ["Promised"]


def test_moving_a_delivery_does_not_move_the_due_date():  # P8
    desk = Desk()
    desk.short("A", 1)
    due = desk.line("A").due_at
    desk.inbound(("PO-1", 1, 500))
    desk.settle_promises()
    assert desk.line("A").due_at == due


def test_a_lane_without_supply_or_promises_reckons_nothing():
    desk = Desk()
    desk.short("A", 1)
    assert "forecast" not in desk.queue.timers


def test_an_overtaken_promise_is_counted_and_then_protected():
    desk = Desk()
    desk.short("f", 2, placed=1)
    desk.inbound(("PO-1", 2, 30), ("PO-2", 9, 90))
    desk.settle_promises()
    desk.units(2)
    desk.inbound(("PO-2", 9, 90))
    desk.short("w1", 2, service_impact="down")
    assert desk.line("f").allocated == 0
    desk.settle_promises()
    # the units went away by overtaking and not by the supplier, who brought them
    assert desk.line("f").promise.p50 == START + 90 * HOUR
    assert desk.one_of("f", f.Promised).overtaken
    assert desk.line("f").worsened == 1
    desk.units(2)
    desk.short("w2", 2, service_impact="down")
    assert (desk.line("f").allocated, desk.line("w2").allocated) == (2, 0)


def test_a_promise_that_a_newcomer_made_worse_was_overtaken_one_that_the_supplier_did_was_not():
    desk = Desk()
    desk.short("f", 2, placed=1)
    desk.inbound(("PO-1", 2, 30), ("PO-2", 9, 90))
    desk.settle_promises()
    desk.short("w", 1, service_impact="down")
    desk.settle_promises()
    assert desk.one_of("f", f.Promised).overtaken
    desk.inbound(("PO-1", 2, 30), ("PO-2", 9, 190))
    desk.settle_promises()
    assert not desk.one_of("f", f.Promised).overtaken
    assert desk.line("f").worsened == 1


def test_without_any_worsening_allowed_a_promised_line_keeps_its_units():
    desk = Desk(policy(max_worsened=0))
    desk.short("f", 2)
    desk.short("g", 2, placed=5)
    desk.inbound(("PO-1", 2, 30))
    desk.settle_promises()
    desk.units(4)
    desk.short("w", 4, service_impact="down")
    assert (desk.line("f").allocated, desk.line("g").allocated, desk.line("w").allocated) == (2, 0, 2)


def test_many_moved_promises_are_published_in_portions(monkeypatch):
    monkeypatch.setattr(Draft, "at_once", 10)
    desk = Desk()
    for i in range(35):
        desk.short(f"A{i:02}", 1, placed=i)
    desk.inbound(("PO-1", 100, 24))
    desk.now += SECOND
    portions = []
    while "forecast" in desk.queue.timers:
        desk.do(TimerRang("forecast", desk.queue.timers["forecast"]))
        portions.append(len(desk.all(f.Promised)))
    assert portions == [10, 10, 10, 5]


@pytest.fixture
def ibm():
    """Four purchase orders of 5 and four orders of 5, as IBM's example of item-based allocation has them."""

    def day(n):
        return datetime(2026, 11, n, tzinfo=UTC)

    desk = Desk(policy("gf", tolerance=timedelta(0)))
    desk.now = day(1)
    for order, placed, ships in (("SO1", 3, 16), ("SO2", 5, 21), ("SO3", 10, 22), ("SO4", 15, 26)):
        desk.short(order, 5, placed_at=day(placed), need_by=day(ships))
    desk.do(f_inbound(("PO1", day(15)), ("PO2", day(20)), ("PO3", day(21)), ("PO4", day(25)), cause=desk.cause()))
    desk.settle_promises()
    return desk


def f_inbound(*deliveries, cause):
    return InboundSeen(tuple(Inbound(name, 5, at, at) for name, at in deliveries), cause)


def test_ibms_example_a_prioritised_buyer_gets_the_first_date_and_the_others_keep_their_order(ibm):  # T5
    ibm.cancel("SO1", 5)
    ibm.command("expedite", "SO3", band="b0")
    ibm.settle_promises()
    assert ibm.line("SO3").promise.p50.day == 15  # in time for the shipment of 11/16
    assert ibm.line("SO2").promise.p50 < ibm.line("SO4").promise.p50


def test_oracles_rule_ranks_by_priority_and_breaks_ties_by_the_earlier_date():
    desk = Desk(policy("ggg"))
    desk.short("cheap-early", 1, need_by=START + 1 * HOUR)
    desk.short("dear-late", 1, need_by=START + 9 * HOUR, service_impact="down")
    desk.short("dear-early", 1, need_by=START + 2 * HOUR, service_impact="down", placed=9)
    desk.short("cheap-late", 1, need_by=START + 5 * HOUR)
    order = [line.line.order_id for line in desk.queue.ladder.kept()]
    assert order == ["dear-early", "dear-late", "cheap-early", "cheap-late"]
