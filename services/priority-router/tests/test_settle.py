"""Who gets units, who loses them, and what is said about it."""

from router_desk import SECOND, START, Desk, policy, quantities

from backorder_contracts.identity import back_order_id
from backorder_contracts.internal import LineDetail, Lot, Shortage
from priority_router.domain import facts as f
from priority_router.domain.lane_facts import NeedReported


def test_units_go_to_the_first_rank_and_partly_to_the_next():
    desk = Desk()
    desk.short("late", 3, placed=2)
    desk.short("early", 3, placed=1)
    desk.units(4)
    assert desk.kinds() == ["Allocated", "Allocated"]
    assert quantities(desk.line("early"))[:2] == (0, 3)
    assert quantities(desk.line("late"))[:2] == (2, 1)
    assert (desk.line("early").status, desk.line("late").status) == ("allocated", "partially-allocated")
    assert desk.reports == []


def test_equal_dates_are_ranked_by_order_and_line_and_by_nothing_else():
    desk = Desk()
    for order in ("b", "Ü", "a", "B"):
        desk.short(order, 1)
    served = []
    for _ in range(4):
        desk.units(1)
        served.append(desk.one(f.Allocated).rank.order_id)
    assert served == sorted(["b", "Ü", "a", "B"], key=lambda text: text.encode())


def test_units_that_no_line_can_use_go_back_at_once_with_their_deliveries():
    desk = Desk()
    desk.short("A", 2)
    desk.units(5, ("PO-1", 4))
    report = desk.one(NeedReported)
    assert (report.returned, report.lots, report.changes) == (3, (Lot("PO-1", 2),), ())
    assert (desk.queue.idle, desk.queue.idle_lots) == (0, ())


def test_lost_stock_is_taken_from_the_last_rank_whatever_its_strategy():
    desk = Desk(policy("ggg"))
    desk.short("first", 2, service_impact="down")
    desk.short("last", 2)
    desk.units(4)
    desk.units(-3)
    assert [(r.rank.order_id, r.units, r.rule) for r in desk.all(f.Revoked)] == [
        ("last", 2, "stock-lost"),
        ("first", 1, "stock-lost"),
    ]


def test_released_units_that_vanish_stay_owed_and_are_paid_first():
    desk = Desk()
    desk.short("A", 2)
    desk.units(2)
    desk.wait(2 * SECOND)
    desk.units(-2)
    assert desk.kinds() == []
    assert desk.queue.idle == -2
    desk.short("B", 3, placed=1)
    desk.units(3)
    assert (desk.queue.idle, desk.line("B").allocated) == (0, 1)


def test_a_win_takes_from_the_last_fill_line_and_says_so():
    desk = Desk()
    desk.short("f1", 2, placed=1)
    desk.short("f2", 2, placed=2)
    desk.units(4)
    desk.short("w", 3, service_impact="down")
    taken = [(r.rank.order_id, r.units, r.rule, r.taken_for) for r in desk.all(f.Revoked)]
    assert taken == [("f2", 2, "win", desk.id("w")), ("f1", 1, "win", desk.id("w"))]
    given = [(a.units, a.rule, a.taken_from) for a in desk.all(f.Allocated)]
    assert given == [(2, "win", desk.id("f2")), (1, "win", desk.id("f1"))]


def test_a_win_takes_nothing_that_is_released_nor_anything_from_a_gain():
    desk = Desk()
    desk.short("g", 2, service_impact="degraded")
    desk.short("f", 2)
    desk.units(4)
    desk.wait(2 * SECOND)
    desk.short("g2", 2, service_impact="degraded", placed=5)
    desk.units(2)
    desk.short("w", 9, service_impact="down")
    assert desk.kinds() == ["Prioritised"]


def test_neither_gain_nor_fill_takes_from_anybody():
    desk = Desk(policy("gff"))
    desk.short("f", 2)
    desk.units(2)
    desk.short("g", 2, service_impact="down")
    desk.short("f0", 2, service_impact="degraded")
    assert desk.line("f").allocated == 2


def test_a_win_that_ships_complete_takes_only_what_completes_it():
    desk = Desk()
    desk.short("f", 3)
    desk.units(3)
    desk.short("w4", 4, service_impact="down", ship_policy="complete")
    assert desk.line("f").allocated == 3
    desk.short("w3", 3, service_impact="down", ship_policy="complete", placed=1)
    assert (desk.line("w3").allocated, desk.line("f").allocated) == (3, 0)


def test_deliveries_stay_with_their_units():
    desk = Desk()
    desk.short("f", 3)
    desk.units(3, ("PO-1", 1), ("PO-2", 1))
    desk.short("w", 2, service_impact="down")
    assert desk.line("f").lots == (Lot("PO-1", 1),)  # the unit of no known delivery went first
    assert desk.line("w").lots == (Lot("PO-2", 1),)
    desk.shipped("w", 1, 1)
    assert (desk.line("w").lots, desk.line("w").shipped_lots) == ((), (Lot("PO-2", 1),))
    assert desk.line("w").supplied_by == (Lot("PO-2", 1),)


def test_an_allocation_names_those_who_were_passed_over():
    desk = Desk()
    desk.short("A", 1, placed=1)
    desk.command("hold", "A")
    desk.short("B", 1, placed=2)
    desk.units(1)
    assert desk.one(f.Allocated).passed_over == (f.PassedOver(desk.id("A"), "held"),)


def test_a_win_leaves_higher_bands_alone():
    desk = Desk(policy("fwf"))
    desk.short("f", 2, service_impact="down")
    desk.short("z", 1)
    desk.units(3)
    desk.short("w", 3, service_impact="degraded")
    assert (desk.line("f").allocated, desk.line("w").allocated, desk.line("z").allocated) == (2, 1, 0)


def test_a_win_names_the_better_rank_that_ships_complete_and_could_not_be_completed():
    desk = Desk()
    desk.short("f", 3)
    desk.units(3)
    desk.short("w4", 4, service_impact="down", ship_policy="complete")
    desk.short("w1", 1, service_impact="down", placed=1)
    said = desk.one(f.Allocated)
    assert (said.back_order_id, said.rule, said.missed) == (desk.id("w1"), "win", 1)
    assert said.passed_over == (f.PassedOver(desk.id("w4"), "cannot-be-completed"),)


def test_two_lines_of_one_order_are_served_in_the_order_of_their_names():
    desk = Desk()
    keys = {}
    for line_id in ("2", "10", "1"):
        line = LineDetail("A", line_id, "BRK-204", "W1", 1, START, "C-1")
        keys[line_id] = back_order_id("A", line_id, "BRK-204", "W1")
        desk.do(Shortage(keys[line_id], line, 1, 0, True, START, desk.cause()))
    desk.units(2)
    assert [said.back_order_id for said in desk.all(f.Allocated)] == [keys["1"], keys["10"]]
