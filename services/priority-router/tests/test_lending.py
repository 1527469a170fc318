"""Complete lines that cannot be completed leave their units to others, so that none lies idle."""

from router_desk import Desk, promises

from priority_router.domain import facts as f


def test_a_complete_line_that_supply_cannot_complete_lends_its_units():
    desk = Desk()
    desk.short("C", 10, ship_policy="complete", placed=1)
    desk.units(4)
    desk.short("F", 3, placed=2)
    assert desk.line("F").allocated == 0
    desk.settle_promises()
    assert (desk.line("C").allocated, desk.line("F").released) == (1, 3)
    revoked = next(fact for fact in desk.facts if isinstance(fact, f.Revoked))
    assert (revoked.rule, revoked.taken_for) == ("lent", desk.id("F"))


def test_a_lender_gets_no_more_units_while_others_wait_but_keeps_what_nobody_wants():
    desk = Desk()
    desk.short("C", 10, ship_policy="complete", placed=1)
    desk.settle_promises()
    desk.short("F", 3, placed=2)
    desk.units(5)
    assert [(a.rule, a.units) for a in desk.all(f.Allocated)] == [("rank-order", 3), ("left-over", 2)]
    assert desk.all(f.Allocated)[0].passed_over == (f.PassedOver(desk.id("C"), "cannot-be-completed"),)
    assert desk.line("C").allocated == 2


def test_a_lender_stands_in_nobodys_way_and_is_promised_nothing():
    desk = Desk()
    desk.short("C", 10, ship_policy="complete", placed=1)
    desk.short("F", 3, placed=2)
    desk.inbound(("PO-1", 5, 24))
    desk.settle_promises()
    assert promises(desk) == {"C": None, "F": 24}


def test_a_lender_takes_part_again_once_supply_completes_it():
    desk = Desk()
    desk.short("C", 10, ship_policy="complete", placed=1)
    desk.short("F", 3, placed=2)
    desk.inbound(("PO-1", 5, 24))
    desk.settle_promises()
    desk.inbound(("PO-1", 5, 24), ("PO-2", 5, 48))
    desk.settle_promises()
    assert not desk.line("C").lending
    assert promises(desk) == {"C": 48, "F": None}
    desk.units(4)
    assert desk.line("C").allocated == 4


def test_an_announced_delivery_keeps_a_complete_line_from_lending():
    desk = Desk()
    desk.short("C", 10, ship_policy="complete", placed=1)
    desk.units(4)
    desk.inbound(("PO-1", 6, 24))
    desk.short("F", 3, placed=2)
    desk.settle_promises()
    assert (desk.line("C").allocated, desk.line("F").allocated) == (4, 0)


def test_a_smaller_complete_line_is_served_where_a_bigger_one_cannot_be():
    desk = Desk()
    desk.short("big", 10, ship_policy="complete", placed=1)
    desk.short("small", 4, ship_policy="complete", placed=2)
    desk.units(4)
    desk.settle_promises()
    desk.settle_promises()
    assert (desk.line("big").allocated, desk.line("small").released) == (0, 4)


def test_a_delivery_that_is_too_small_does_not_keep_a_complete_line_from_lending():
    desk = Desk()
    desk.short("C", 10, ship_policy="complete", placed=1)
    desk.units(4)
    desk.inbound(("PO-1", 3, 24))
    desk.settle_promises()
    # it claims ten of the seven that are known, although only six more would do with three to come
    assert desk.line("C").lending
    desk.inbound(("PO-1", 5, 24))
    desk.settle_promises()
    assert desk.line("C").lending
    desk.inbound(("PO-1", 6, 24))
    desk.settle_promises()
    assert not desk.line("C").lending


def test_of_several_lines_that_cease_to_lend_the_first_rank_is_served_first():
    desk = Desk()
    desk.short("last", 100, ship_policy="complete", placed=9)
    desk.units(4)
    desk.short("c2", 6, ship_policy="complete", placed=2)
    desk.short("c1", 6, ship_policy="complete", placed=1)
    desk.settle_promises()
    assert desk.line("last").allocated == 4
    desk.inbound(("PO-1", 12, 24))
    desk.settle_promises()
    assert (desk.line("c1").allocated, desk.line("c2").allocated, desk.line("last").allocated) == (4, 0, 0)
