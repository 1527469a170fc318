"""Units keep the name of the supplier delivery that brought them."""

from ledger_desk import given, need, order, stock

from backorder_contracts.internal import Lot
from gap_detector.domain import events as e
from gap_detector.domain.lots import add, take, trim


def lots(**units):
    return tuple((lot.delivery_id, lot.units) for lot in _lots(units))


def _lots(units):
    made = ()
    for name, n in units.items():
        made = add(made, name, n)
    return made


def plain(some):
    return {lot.delivery_id: lot.units for lot in some}


def handed_lots(story):
    (handed,) = story.all(e.Handed)
    return plain(handed.lots)


def test_units_go_to_the_queue_with_the_name_of_their_delivery():
    story = given(order("A", 5)).when(stock(3, delivery="PO1"))
    assert handed_lots(story) == {"PO1": 3}
    story.with_lots()


def test_free_units_remember_their_delivery_until_somebody_needs_them():
    story = given(stock(3, delivery="PO1")).with_lots(PO1=3)
    story.when(order("A", 5)).with_lots()
    story = given(order("A", 2), need({"A": -2}), stock(3, delivery="PO1")).when(need({"A": 2}))
    assert handed_lots(story) == {"PO1": 2}
    story.with_lots(PO1=1)


def test_the_oldest_delivery_is_the_first_to_be_used_up():
    story = given(stock(2, delivery="PO1"), stock(4, delivery="PO2")).with_lots(PO1=2, PO2=2)
    story.when(order("A", 3)).with_lots(PO2=1)


def test_units_of_two_deliveries_go_together():
    story = given(order("A", 3), need({"A": -3}), stock(2, delivery="PO1"), stock(4, delivery="PO2"))
    story.when(need({"A": 3}))
    assert handed_lots(story) == {"PO1": 2, "PO2": 1}
    story.with_lots(PO2=1)


def test_units_without_a_delivery_stand_in_no_lot():
    story = given(stock(2)).when(stock(5, delivery="PO1")).with_lots(PO1=3)
    story.when(order("A", 2)).with_lots(PO1=3)


def test_only_what_the_delivery_brought_bears_its_name():
    given(stock(1)).when(stock(6, delivery="PO1", received=3)).with_lots(PO1=3).with_lane(free=6)


def test_a_delivery_brings_no_more_than_the_level_rose():
    given(stock(1)).when(stock(3, delivery="PO1", received=10)).with_lots(PO1=2)


def test_a_late_version_brings_nothing():
    given(stock(5, version=9)).when(stock(8, version=8, delivery="PO1")).with_lots()


def test_a_level_that_fell_brings_nothing():
    given(stock(5)).when(stock(4, delivery="PO1", received=3)).with_lots()


def test_units_that_were_lost_take_their_names_with_them():
    given(stock(2, delivery="PO1"), stock(4, delivery="PO2")).when(stock(3)).with_lots(PO1=1, PO2=2)


def test_returned_units_bring_the_names_of_their_deliveries_back():
    story = given(order("A", 3), stock(3, delivery="PO1"))
    story.when(need({"A": -3}, returned=3, lots={"PO1": 2})).with_lots(PO1=2).with_lane(free=3)


def test_returned_units_that_are_needed_again_go_out_with_their_names():
    story = given(order("A", 2), stock(2, delivery="PO1"), order("B", 2))
    story.when(need({"A": -2}, returned=2, lots={"PO1": 2}))
    assert handed_lots(story) == {"PO1": 2}
    story.with_lots()


def test_units_that_are_taken_back_are_taken_without_names():
    (handed,) = given(order("A", 3), stock(3, delivery="PO1")).when(stock(1)).all(e.Handed)
    assert (handed.units, handed.lots) == (-2, ())


def test_more_of_a_delivery_joins_its_lot():
    assert plain(add(_lots({"PO1": 2}), "PO1", 3)) == {"PO1": 5}
    assert lots(PO1=2, PO2=1) == (("PO1", 2), ("PO2", 1))


def test_two_deliveries_that_come_in_turns_have_two_lots():
    story = given(stock(2, delivery="PO1"), stock(4, delivery="PO2"), stock(7, delivery="PO1")).with_lots(PO1=5, PO2=2)
    story.when(stock(8, delivery="PO2")).with_lots(PO1=5, PO2=3)


def test_lots_of_one_delivery_that_were_stored_apart_become_one():
    apart = (Lot("PO1", 2), Lot("PO2", 1), Lot("PO1", 3))
    assert add(apart, "PO2", 4) == (Lot("PO1", 5), Lot("PO2", 5))


def test_taking_splits_a_lot():
    taken, rest = take(_lots({"PO1": 2, "PO2": 5}), 3)
    assert (plain(taken), plain(rest)) == ({"PO1": 2, "PO2": 1}, {"PO2": 4})


def test_taking_ends_at_the_border_of_a_lot():
    taken, rest = take(_lots({"PO1": 2, "PO2": 5}), 2)
    assert (plain(taken), plain(rest)) == ({"PO1": 2}, {"PO2": 5})


def test_taking_more_than_there_is_takes_all_and_taking_nothing_nothing():
    some = _lots({"PO1": 2})
    assert take(some, 9) == (some, ())
    assert take(some, 0) == ((), some)
    assert take((), 3) == ((), ())


def test_trimming_forgets_the_oldest():
    some = _lots({"PO1": 2, "PO2": 5})
    assert plain(trim(some, 6)) == {"PO1": 1, "PO2": 5}
    assert plain(trim(some, 5)) == {"PO2": 5}
    assert (trim(some, 7), trim(some, 9)) == (some, some)
    assert trim(some, 0) == ()
