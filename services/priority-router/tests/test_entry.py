"""What the queue does with the messages of the ledger."""

from router_desk import HOUR, SECOND, START, Desk, quantities

from backorder_contracts.internal import CancelAnswer, LineRef, Lot
from priority_router.domain import facts as f
from priority_router.domain.lane_facts import Change, NeedReported, UnknownNamed


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
    before = desk.line("A").version
    desk.short("A", 1, first=False, quantity=9)
    assert desk.kinds() == ["Increased", "Prioritised"]
    assert desk.one(f.Increased).reopened
    assert (desk.line("A").status, desk.line("A").waiting, desk.line("A").back_ordered) == ("shipped", 1, 3)
    assert desk.line("A").version == before + 2


def test_an_increase_of_a_forgotten_back_order_is_published_as_an_increase():
    desk = Desk()
    desk.short("A", 2, first=False)
    assert desk.kinds() == ["Increased", "Prioritised"]
    assert (desk.line("A").back_ordered, desk.line("A").counted, desk.line("A").version) == (2, 2, 2)


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


def test_an_order_of_a_thousand_lines_is_served_to_the_last():  # P5
    desk = Desk(check=False)
    for n in range(1000):
        desk.short(f"A{n:04}", 2, placed=n)
    facts = [*desk.units(1999), *desk.wait(0 * SECOND)]
    assert len([fact for fact in facts if isinstance(fact, f.Allocated)]) == 1000
    assert sum(line.allocated for line in desk.queue.orders.values()) == 1999
    assert quantities(desk.line("A0999"))[:2] == (1, 1)


def test_a_partial_delivery_keeps_the_remainder_of_every_line():  # P7
    desk = Desk()
    desk.short("A", 5, placed=1)
    desk.short("B", 5, placed=2)
    desk.units(7)
    assert (desk.line("A").waiting, desk.line("B").waiting) == (0, 3)
    desk.units(3)
    assert desk.line("B").waiting == 0


def test_demand_survives_a_short_pick():  # P14
    desk = Desk()
    desk.short("A", 3)
    desk.units(3)
    desk.wait(2 * SECOND)
    desk.shipped("A", 2, 2)
    desk.units(-1)  # the third one was not there
    assert (desk.line("A").need, desk.line("A").released, desk.line("A").status) == (1, 1, "released")
    assert desk.queue.idle == -1


def test_reading_of_what_nobody_asked_leaves_no_trace():
    desk = Desk()
    desk.short("A", 1)
    desk.inbound()
    assert desk.facts == ()
