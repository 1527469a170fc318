"""What the queue reports back: changed needs, and units that no line can use."""

from ledger_desk import given, need, order, stock

from gap_detector.domain import events as e


def test_a_queue_that_needs_less_leaves_units_to_others():
    story = given(order("A", 5)).when(need({"A": -5}), stock(3)).then().with_lane(needed=0, free=3)
    story.when(order("B", 2)).then("B is covered with 2")


def test_a_queue_that_needs_more_again_gets_free_units_at_once():
    story = given(order("A", 5), need({"A": -5}), stock(3)).when(need({"A": 5})).then("the queue gets 3")
    story.with_lane(needed=2, free=0, handed=3).with_line("A", counted=5, need=5)


def test_a_report_changes_what_is_counted_not_what_is_needed():
    given(order("A", 5)).when(need({"A": -2})).with_line("A", need=5, counted=3).with_lane(needed=3)


def test_several_lines_may_change_in_one_report():
    story = given(order("A", 2), order("B", 3)).when(need({"A": -2, "B": -1})).with_lane(needed=2)
    story.with_line("A", counted=0).with_line("B", counted=2)


def test_returned_units_are_free():
    story = given(order("A", 2), stock(2)).when(need({"A": -2}, returned=2)).then()
    story.with_lane(handed=0, needed=0, free=2)


def test_returned_units_go_back_to_a_queue_that_needs_them_meanwhile():
    story = given(order("A", 2), stock(2), order("B", 1)).when(need({"A": -2}, returned=2)).then("the queue gets 1")
    story.with_lane(handed=1, needed=0, free=1)


def test_returned_units_that_were_taken_back_meanwhile_are_made_good():
    # the queue returns what it does not need; before that is heard, the stock is lost and taken back
    story = given(order("A", 2), stock(2), stock(0)).with_lane(handed=0, needed=2)
    story.when(need({"A": -2}, returned=2)).then("the queue gets 2").with_lane(handed=0, needed=0, free=0)


def test_units_go_out_for_the_reason_that_the_queue_names():
    report = need({"A": 5})
    (handed,) = given(order("A", 5), need({"A": -5}), stock(3)).when(report).all(e.Handed)
    assert handed.cause == report.cause


def test_a_report_about_a_line_that_nobody_knows_is_counted_all_the_same():
    given().when(need({"X": 2})).with_line("X", counted=2, detail=None).with_lane(needed=2)


def test_an_empty_report_changes_nothing():
    given(order("A", 2), stock(1)).when(need()).then_nothing()


def test_what_the_queue_owes_is_no_free_stock():
    # the warehouse shipped units that the queue gave up and returned: until it reports them missing, the queue owes
    # two, and they must not be promised to a new line as if they lay on the shelf
    story = given(stock(3), order("C", 3), order("A", 2), stock(5))
    story.when(stock(3, shipped={"A": 2}), need({"A": -2}, returned=2, answers=[("A", 0, 2)]))
    story.with_lane(on_hand=3, covered=3, handed=-2, needed=0, free=0)
    story.when(order("B", 2)).then("B opens a back order of 2", "the queue gets 2")  # which pays what it owes


def test_no_report_takes_cover_away():
    story = given(stock(3), order("C", 3), order("A", 2), stock(5))
    story.when(stock(3, shipped={"A": 2}), need({"A": -2}, returned=2, answers=[("A", 0, 2)]), order("B", 2))
    story.when(need({"A": 2})).then().with_lane(covered=3, handed=0, needed=2, free=0)
