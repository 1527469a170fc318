"""Units that leave the warehouse for a line: its cover first, then its back order."""

from ledger_desk import cancel, given, need, order, ref, stock


def test_a_shipment_uses_up_the_cover():
    story = given(stock(5), order("A", 3)).when(stock(3, shipped={"A": 2}))
    story.then("2 of the cover of A left").with_lane(covered=1, free=2).with_line("A", covered=1, cover_shipped=2)


def test_a_shipment_that_uses_up_cover_is_no_loss():
    given(stock(3), order("A", 3)).when(stock(0, shipped={"A": 3})).then("3 of the cover of A left").with_lane(needed=0)


def test_what_exceeds_the_cover_is_of_the_back_order():
    story = given(stock(2), order("A", 5), stock(5)).with_lane(handed=3)
    story.when(stock(1, shipped={"A": 4}))
    story.then("2 of the cover of A left", "2 of the back order of A left, 2 of them the queue's")
    story.with_lane(covered=0, handed=1, needed=0, free=0).with_line("A", need=1, counted=1)


def test_waiting_units_that_left_are_counted_and_paid_by_the_queue():
    # the warehouse shipped what was set aside for nobody: the queue owes it, and gets what it needs to pay
    story = given(stock(2), order("B", 2), order("A", 2))
    story.when(stock(0, shipped={"A": 2}))
    story.then(
        "2 of the back order of A left, 2 of them the queue's",
        "B loses 2 of its cover",
        "B opens a back order of 2",
        "the queue gets 2",
    )
    story.with_lane(handed=0, needed=2, covered=0, free=0)


def test_a_shipment_may_overtake_the_report_that_its_units_are_needed_again():
    # the line was held and resumed, got units and shipped them, and only then its report arrives
    story = given(order("A", 3), order("B", 3), need({"A": -3}), stock(3)).with_lane(handed=3, needed=0)
    story.when(stock(1, shipped={"A": 2})).then("2 of the back order of A left, 2 of them the queue's")
    story.with_line("A", need=1, counted=-2).with_lane(handed=1, free=0)
    story.when(need({"A": 3})).then().with_line("A", need=1, counted=1).with_lane(handed=1, needed=3)


def test_what_left_of_a_held_line_is_the_queues_debt_until_it_answers():
    # nobody was told to ship it; others do not pay with what is free
    story = given(order("A", 3), need({"A": -3}), stock(5))
    story.when(stock(3, shipped={"A": 2})).then("2 of the back order of A left, 2 of them the queue's")
    story.with_lane(handed=-2, free=3)
    story.when(need({"A": 2})).then("the queue gets 2").with_lane(handed=0, needed=0, free=3)
    story.with_line("A", need=1, counted=0)


def test_what_exceeds_the_line_only_left_the_stock():
    story = given(stock(9), order("A", 2)).when(stock(4, shipped={"A": 5}))
    story.then("2 of the cover of A left").with_lane(free=4, covered=0, needed=0)


def test_what_exceeds_the_line_may_be_a_loss_to_others():
    story = given(stock(4), order("B", 2), order("A", 2)).when(stock(0, shipped={"A": 4}))
    story.then("2 of the cover of A left", "B loses 2 of its cover", "B opens a back order of 2")


def test_one_record_may_ship_several_lines():
    story = given(stock(5), order("A", 2), order("B/2", 3)).when(stock(0, shipped={"A": 2, "B/2": 3}))
    story.then("2 of the cover of A left", "3 of the cover of B/2 left").with_lane(covered=0)


def test_a_late_version_moves_no_level_but_its_shipment_counts():
    story = given(stock(5, version=1), order("A", 3), stock(9, version=3))
    story.when(stock(2, version=2, shipped={"A": 3})).then("3 of the cover of A left")
    story.with_lane(on_hand=9, version=3, covered=0, free=9)


def test_units_that_a_late_shipment_sets_free_go_to_whoever_waits():
    story = given(stock(3, version=1), order("A", 3), order("B", 2), stock(4, version=3))
    story.with_lane(handed=1, needed=1)
    story.when(stock(0, version=2, shipped={"A": 3})).then("3 of the cover of A left", "the queue gets 1")


def test_a_shipment_that_overtakes_its_order_is_remembered():
    story = given(stock(3)).when(stock(1, shipped={"A": 2})).then().with_lane(free=1)
    assert story.line("A").detail is None
    story.when(order("A", 3)).then("A is covered with 1")
    story.with_line("A", cover_shipped=2, covered=1, need=0)


def test_a_line_of_which_everything_left_before_it_came_wants_nothing():
    story = given(stock(0, shipped={"A": 3})).when(order("A", 3)).then()
    story.with_line("A", cover_shipped=3, covered=0, need=0, opened=False)


def test_more_than_the_order_left_before_it_came():
    given(stock(0, shipped={"A": 7})).when(order("A", 3)).then().with_line("A", cover_shipped=3, shipped=7)


def test_two_shipments_that_overtake_add_up():
    story = given(stock(9, shipped={"A": 1}), stock(7, shipped={"A": 2}))
    story.when(order("A", 5)).then("A is covered with 2").with_line("A", cover_shipped=3)


def test_a_shipment_of_a_line_that_never_comes_is_only_a_fall():
    story = given(stock(5), order("B", 4)).when(stock(3, shipped={"A": 2})).with_lane(covered=3, needed=1)
    assert story.lane().lines[ref("A")].shipped == 2


def test_a_shipment_of_a_cancelled_line_is_only_a_fall():
    story = given(stock(5), order("A", 3), cancel("A")).when(stock(3, shipped={"A": 2})).then()
    story.with_lane(covered=0, free=3)


def test_shipping_what_is_left_after_a_cancellation_in_part():
    story = given(stock(5), order("A", 3), cancel("A", L1=1)).when(stock(3, shipped={"A": 2}))
    story.then("2 of the cover of A left").with_lane(covered=0, free=3)


def test_a_shipment_after_a_loss_uses_up_what_cover_is_left_and_then_the_back_order():
    story = given(stock(3), order("A", 3), stock(2))
    story.when(stock(0, shipped={"A": 3}))
    story.then("2 of the cover of A left", "1 of the back order of A left, 1 of them the queue's", "the queue gets 1")
    story.with_lane(covered=0, handed=0, needed=0, free=0).with_line("A", need=0, counted=0)
