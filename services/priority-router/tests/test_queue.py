"""What the queue does with the messages of the ledger."""

from backorder_contracts.internal import CancelAnswer, LineRef, Lot
from priority_router.domain import facts as f
from priority_router.domain.events import TimerRang
from priority_router.domain.lane_facts import Change, NeedReported, TimerSet, UnknownNamed
from router_desk import HOUR, SECOND, START, Desk, policy


def quantities(line):
    return line.waiting, line.allocated, line.released, line.shipped, line.cancelled


def test_a_shortage_opens_a_back_order_and_ranks_it():
    desk = Desk()
    desk.short("A", 3, covered=1, quantity=4, service_impact="down")
    line = desk.line("A")
    assert desk.kinds() == ["Prioritised"]
    assert (line.version, line.status, line.covered, line.back_ordered) == (2, "open", 1, 3)
    assert (line.band_name, line.due_at, line.policy_version) == ("b0", line.line.placed_at + 24 * HOUR, "1")
    assert desk.reports == []  # the ledger counted the units itself


def test_need_by_is_the_due_date_where_the_customer_named_one():
    desk = Desk()
    desk.short("A", 1, need_by=START + 99 * HOUR)
    assert desk.line("A").due_at == START + 99 * HOUR


def test_more_shortage_of_a_known_line_increases_it():
    desk = Desk()
    desk.short("A", 3)
    desk.short("A", 2, first=False, covered=0, quantity=9)
    assert desk.kinds() == ["Increased"]
    assert (desk.line("A").waiting, desk.line("A").counted, desk.line("A").version) == (5, 5, 3)


def test_a_shortage_of_a_completed_back_order_opens_it_again():
    desk = Desk()
    desk.short("A", 2)
    desk.units(2)
    desk.shipped("A", 2, 2)
    assert desk.line("A").status == "completed"
    desk.short("A", 1, first=False, quantity=9)
    assert desk.kinds() == ["Increased", "Prioritised"]
    assert desk.one(f.Increased).reopened
    assert (desk.line("A").status, desk.line("A").waiting, desk.line("A").back_ordered) == ("shipped", 1, 3)


def test_an_increase_of_a_forgotten_back_order_is_published_as_an_increase():
    desk = Desk()
    desk.short("A", 2, first=False)
    assert desk.kinds() == ["Increased", "Prioritised"]
    assert (desk.line("A").back_ordered, desk.line("A").counted, desk.line("A").version) == (2, 2, 3)


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


def test_units_are_released_once_the_debounce_is_over_and_only_once():
    desk = Desk()
    desk.short("A", 2)
    desk.units(2)
    assert desk.queue.timers["release"] == START + 2 * SECOND
    desk.wait(1 * SECOND)
    assert desk.line("A").released == 0
    desk.wait(1 * SECOND)
    assert desk.kinds() == ["Released"]
    assert quantities(desk.line("A")) == (0, 0, 2, 0, 0)
    assert "release" not in desk.queue.timers
    desk.wait(60 * SECOND)
    assert desk.kinds() == []


def test_a_release_names_what_brought_the_units_as_its_cause():
    desk = Desk()
    desk.short("A", 1)
    desk.units(1)
    cause = desk.one(f.Allocated).cause
    desk.wait(2 * SECOND)
    assert desk.one(f.Released).cause == cause


def test_without_a_debounce_units_are_released_at_once():
    desk = Desk(policy(release_debounce=0 * SECOND))
    desk.short("A", 1)
    desk.units(1)
    assert desk.kinds() == ["Allocated", "Released"]


def test_more_units_do_not_put_the_release_off():
    desk = Desk()
    desk.short("A", 2)
    desk.units(1)
    desk.wait(1 * SECOND)
    desk.units(1)
    desk.wait(1 * SECOND)
    assert desk.line("A").released == 2


def test_a_manual_band_waits_for_a_command():
    desk = Desk(policy(manual=("b2",)))
    desk.short("A", 1)
    desk.units(1)
    desk.wait(99 * SECOND)
    assert desk.line("A").status == "allocated"
    desk.command("release", "A")
    assert desk.kinds() == ["Released"]
    assert desk.one(f.Released).rule == "command"


def test_a_complete_line_is_released_only_when_nothing_of_it_waits():
    desk = Desk()
    desk.short("A", 3, ship_policy="complete")
    desk.units(2)
    desk.wait(99 * SECOND)
    assert quantities(desk.line("A"))[:3] == (1, 2, 0)
    desk.units(1)
    desk.wait(2 * SECOND)
    assert desk.line("A").released == 3


def test_shipping_takes_released_units_then_allocated_ones_then_waiting_ones():
    desk = Desk()
    desk.short("A", 6)
    desk.units(2)
    desk.wait(2 * SECOND)
    desk.units(2)
    desk.shipped("A", 5, 5)
    assert desk.one(f.Shipped).released == 2
    assert desk.one(f.Shipped).allocated == 2
    assert quantities(desk.line("A")) == (1, 0, 0, 5, 0)
    assert desk.queue.idle == -1  # the ledger wrote off a unit that no line held
    desk.units(1)
    assert (desk.queue.idle, desk.line("A").waiting) == (0, 1)


def test_what_a_shipment_wrote_off_too_much_is_taken_from_the_last_rank():
    desk = Desk()
    desk.short("A", 2, placed=1)
    desk.short("B", 2, placed=2)
    desk.units(3)
    desk.shipped("B", 2, 2)
    assert desk.kinds() == ["Shipped", "Completed", "Revoked"]
    assert quantities(desk.line("A"))[:2] == (1, 1)
    assert desk.queue.idle == 0


def test_the_last_shipment_completes_with_durations_and_deliveries():
    desk = Desk()
    desk.short("A", 2)
    desk.wait(60 * SECOND)
    desk.units(2, ("PO-1", 1))
    desk.wait(2 * SECOND)
    desk.wait(30 * SECOND)
    desk.shipped("A", 2, 2)
    done = desk.one(f.Completed)
    assert (done.since_placed, done.since_opened) == (3600 + 92, 92)
    assert (done.waiting, done.releasing, done.shipping) == (60, 2, 30)
    assert done.lots == (Lot("PO-1", 1),) == desk.line("A").supplied_by
    assert (desk.line("A").status, desk.line("A").counted, desk.reports) == ("completed", 0, [])
    assert "due" not in desk.queue.timers


def test_a_shipment_of_units_that_were_cancelled_meanwhile_never_goes_below_zero():
    desk = Desk()
    desk.short("A", 2)
    desk.units(2)
    desk.cancel("A", 2)
    assert desk.one(NeedReported).returned == 2
    desk.shipped("A", 2, 2)  # the ledger had counted them still
    assert desk.kinds() == []
    assert quantities(desk.line("A")) == (0, 0, 0, 0, 2)
    assert desk.one(NeedReported).changes == (Change(desk.id("A"), LineRef("A", "1"), 2),)
    assert (desk.line("A").counted, desk.queue.idle) == (0, -2)


def test_cancelling_waiting_units_frees_nothing():  # P1
    desk = Desk()
    desk.short("A", 5)
    desk.units(2)
    desk.cancel("A", 3)
    assert (desk.one(f.Cancelled).waiting, desk.one(f.Cancelled).allocated) == (3, 0)
    assert quantities(desk.line("A")) == (0, 2, 0, 0, 3)
    assert desk.one(NeedReported).returned == 0


def test_cancelling_takes_waiting_then_allocated_units_which_go_to_the_next():
    desk = Desk()
    desk.short("A", 4, placed=1)
    desk.short("B", 4, placed=2)
    desk.units(3)
    desk.cancel("A", 3)
    assert quantities(desk.line("A")) == (0, 1, 0, 0, 3)
    assert quantities(desk.line("B")) == (2, 2, 0, 0, 0)
    report = desk.one(NeedReported)
    assert report.answers[0].asked == report.answers[0].done == 3
    assert report.changes == (Change(desk.id("A"), LineRef("A", "1"), -3),)


def test_released_units_are_not_cancelled_and_the_ledger_hears_how_many_were():
    desk = Desk()
    desk.short("A", 4)
    desk.units(3)
    desk.wait(2 * SECOND)
    desk.cancel("A", 9)
    report = desk.one(NeedReported)
    assert report.answers == (CancelAnswer(LineRef("A", "1"), 9, 1, report.cause),)
    assert quantities(desk.line("A")) == (0, 0, 3, 0, 1)


def test_a_refused_cancellation_is_said_about_an_open_and_about_a_closed_back_order():
    desk = Desk()
    desk.short("A", 1)
    desk.cancel_refused("A", 1)
    desk.cancel("A", 1)
    desk.cancel_refused("A", 1)
    assert desk.kinds() == ["CancelRefused"]
    assert desk.line("A").version == 5


def test_a_wholly_cancelled_back_order_ends_as_cancelled():
    desk = Desk()
    desk.short("A", 2)
    desk.cancel("A", 2)
    assert desk.kinds() == ["Cancelled"]
    assert (desk.line("A").status, desk.line("A").closed_at) == ("cancelled", START)


def test_cancelling_the_rest_of_what_shipped_in_part_completes():
    desk = Desk()
    desk.short("A", 2)
    desk.units(1)
    desk.shipped("A", 1, 1)
    assert desk.line("A").status == "shipped"
    desk.cancel("A", 1)
    assert desk.kinds() == ["Cancelled", "Completed"]


def test_messages_about_an_unknown_back_order_keep_the_books_right():
    desk = Desk()
    desk.shipped("X", 3, 2)
    assert desk.all(UnknownNamed)
    report = desk.one(NeedReported)
    assert report.changes == (Change(desk.id("X"), LineRef("X", "1"), 2, known=False),)
    assert desk.queue.idle == -2
    desk.cancel("X", 3)
    assert desk.one(NeedReported).answers[0].done == 0
    desk.cancel_refused("X", 3)
    assert desk.all(UnknownNamed)


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


def test_the_due_date_passes_once_for_what_has_not_left():
    desk = Desk()
    desk.short("A", 2)
    desk.wait(72 * HOUR)
    assert desk.kinds() == ["Breached"]
    assert desk.line("A").breached
    desk.wait(72 * HOUR)
    assert desk.kinds() == []


def test_a_line_that_is_late_when_it_opens_is_breached_at_once():
    desk = Desk()
    desk.short("A", 1, need_by=START - HOUR)
    assert TimerSet("due", START - HOUR) in desk.facts
    desk.wait(0 * SECOND)
    assert desk.kinds() == ["Breached"]


def test_a_timer_that_rings_for_nothing_changes_nothing_but_is_set_again():
    desk = Desk()
    desk.short("A", 1)
    due = desk.queue.timers["due"]
    desk.do(TimerRang("due", due))
    assert desk.facts == (TimerSet("due", due),)


def test_another_policy_ranks_every_line_anew_and_hands_out_by_its_rules():
    desk = Desk(policy("fff"))
    desk.short("w", 2, service_impact="down")
    desk.short("f", 2)
    desk.short("f2", 1, service_impact="degraded")
    desk.command("expedite", "f2", band="b2")
    desk.units(2)
    desk.units(2)
    desk.short("w", 2, first=False, quantity=9)
    desk.policy(policy("wf", version="2"))
    assert {p.rank.order_id for p in desk.all(f.Prioritised)} == {"f", "f2"}  # b2 is gone
    desk.wait(0 * SECOND)
    assert desk.line("f").allocated == 0
    assert desk.line("w").allocated == 4
    assert desk.line("f").policy_version == "2"


def test_a_policy_that_makes_a_band_manual_stops_planned_releases_and_back():
    desk = Desk()
    desk.short("A", 1)
    desk.units(1)
    desk.policy(policy(version="2", manual=("b2",)))
    desk.wait(9 * SECOND)
    assert desk.line("A").released == 0
    desk.policy(policy(version="3"))
    desk.wait(0 * SECOND)
    desk.wait(2 * SECOND)
    assert desk.line("A").released == 1
