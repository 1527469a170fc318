"""Lost stock: the queue gives back first, then the newest cover."""

from ledger_desk import given, order, stock

from gap_detector.domain import events as e


def test_lost_free_units_cost_nobody_anything():
    given(stock(5), order("A", 3)).when(stock(3)).then().with_lane(free=0, covered=3)


def test_lost_units_come_back_from_the_queue_first():
    story = given(order("B", 4), stock(4)).with_lane(handed=4)
    story.when(stock(1)).then("the queue loses 3").with_lane(handed=1, needed=3, free=0)


def test_cover_is_safe_as_long_as_the_queue_has_enough_to_give_back():
    story = given(stock(2), order("A", 2), order("B", 3), stock(5)).with_lane(covered=2, handed=3)
    story.when(stock(2)).then("the queue loses 3").with_lane(covered=2, handed=0, needed=3)


def test_what_the_queue_cannot_give_back_is_taken_from_the_newest_cover():
    story = given(stock(6), order("A", 2), order("B", 2), order("C", 2))
    story.when(stock(3)).then(
        "C loses 2 of its cover",
        "C opens a back order of 2",
        "B loses 1 of its cover",
        "B opens a back order of 1",
    )
    story.with_lane(covered=3, needed=3, free=0)


def test_the_queue_and_then_the_newest_cover_pay_together():
    story = given(stock(3), order("A", 3), order("B", 2), stock(5))
    story.when(stock(1)).then("the queue loses 2", "A loses 2 of its cover", "A opens a back order of 2")
    story.with_lane(covered=1, handed=0, needed=4, free=0)


def test_a_line_that_has_a_back_order_gets_more_of_it():
    story = given(stock(2), order("A", 5))
    story.when(stock(0)).then("A loses 2 of its cover", "the back order of A grows by 2")
    story.with_line("A", covered=0, need=5, counted=5)


def test_a_line_loses_cover_twice_but_opens_once():
    story = given(stock(4), order("A", 4)).when(stock(3), stock(1))
    story.then(
        "A loses 1 of its cover",
        "A opens a back order of 1",
        "A loses 2 of its cover",
        "the back order of A grows by 2",
    )


def test_a_back_order_for_lost_cover_names_the_level_as_its_cause():
    story = given(stock(1), order("A", 1))
    lost = stock(0)
    (opened,) = story.when(lost).all(e.Shorted)
    assert opened.cause == lost.cause


def test_a_level_of_zero_takes_everything():
    story = given(stock(5), order("A", 3), order("B", 2)).when(stock(0))
    story.with_lane(covered=0, needed=5, free=0, handed=0)


def test_a_lane_with_nothing_left_to_take_stays_at_rest():
    given(stock(5), order("A", 3), stock(0)).when(stock(0)).then().with_lane(free=0, covered=0)


def test_units_that_come_back_go_to_the_queue():
    story = given(stock(5), order("A", 5), stock(2)).with_lane(needed=3)
    story.when(stock(4)).then("the queue gets 2").with_lane(covered=2, handed=2, needed=1)


def test_an_order_that_comes_after_the_loss_waits_behind_those_who_lost():
    given(stock(1), order("A", 1), stock(0), stock(0)).when(order("B", 1)).then("B opens a back order of 1")


def test_cover_that_has_left_cannot_be_lost():
    story = given(stock(4), order("A", 2), order("B", 2), stock(2, shipped={"B": 2}))
    story.when(stock(1)).then("A loses 1 of its cover", "A opens a back order of 1")
    story.with_line("B", cover_shipped=2, covered=0, need=0)


def test_a_late_level_moves_nothing():
    story = given(stock(5, version=7), order("A", 3))
    story.when(stock(0, version=6), stock(9, version=7)).then().with_lane(on_hand=5, version=7, covered=3, free=2)


def test_a_version_may_skip_numbers_and_begin_at_zero():
    given(stock(5, version=0)).when(stock(6, version=40)).with_lane(on_hand=6, version=40)
