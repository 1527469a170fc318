"""What is wanted no more: waiting and allocated units, which the queue gives up, then cover."""

from datetime import timedelta

from ledger_desk import PLACED_AT, cancel, given, need, order, stock

from gap_detector.domain import events as e

AFTER = PLACED_AT + timedelta(microseconds=1)


def test_a_cancelled_line_gives_up_its_cover():
    story = given(stock(5), order("A", 3)).when(cancel("A")).then("A gives up 3 of its cover")
    story.with_lane(covered=0, free=5).with_line("A", cancelled=3)


def test_cover_that_is_given_up_goes_to_whoever_waits():
    story = given(stock(3), order("A", 3), order("B", 2)).when(cancel("A"))
    story.then("A gives up 3 of its cover", "the queue gets 2").with_lane(free=1)


def test_a_back_order_is_cancelled_by_the_queue():
    story = given(order("A", 3)).when(cancel("A")).then("the queue is asked to cancel 3 of A")
    story.with_line("A", need=3, cancelling=3, cancelled=0)


def test_an_order_is_cancelled_in_all_its_lines_of_the_shard():
    story = given(stock(2), order("A/1", 2), order("A/2", 1), order("A/3", 1, location="W2"), order("B", 1))
    story.when(cancel("A"))
    story.then(
        "A gives up 2 of its cover",
        "the queue gets 2",
        "the queue is asked to cancel 1 of A/2",
        "the queue is asked to cancel 1 of A/3",
    )


def test_a_cancellation_names_the_lines_it_means():
    given(stock(4), order("A/1", 2), order("A/2", 2)).when(cancel("A", "2")).then("A/2 gives up 2 of its cover")


def test_a_cancellation_in_part_takes_from_the_queue_first():
    story = given(stock(2), order("A", 5)).when(cancel("A", L1=2)).then("the queue is asked to cancel 2 of A")
    story.with_line("A", covered=2, cancelling=2)


def test_a_cancellation_in_part_takes_cover_for_what_the_queue_does_not_have():
    story = given(stock(2), order("A", 5)).when(cancel("A", L1=4))
    story.then("the queue is asked to cancel 3 of A", "A gives up 1 of its cover", "the queue gets 1")
    story.with_line("A", covered=1)


def test_a_cancellation_of_all_takes_both():
    # until the queue has answered it still counts as waiting, so it is offered the units; it returns them
    given(stock(2), order("A", 5)).when(cancel("A")).then(
        "the queue is asked to cancel 3 of A", "A gives up 2 of its cover", "the queue gets 2"
    )


def test_cancelling_what_waits_frees_nothing():  # P1
    story = given(stock(2), order("A", 5)).when(cancel("A", L1=3), need({"A": -3}, answers=[("A", 3, 3)]))
    story.with_lane(free=0, covered=2, handed=0, needed=0)
    story.when(order("B", 1)).then("B opens a back order of 1")


def test_two_cancellations_in_flight_never_ask_for_more_than_there_is():
    story = given(order("A", 5)).when(cancel("A", L1=3), cancel("A", L1=4))
    story.then(
        "the queue is asked to cancel 3 of A", "the queue is asked to cancel 2 of A", "2 of A cannot be cancelled"
    )
    story.with_line("A", cancelling=5)


def test_a_second_cancellation_takes_cover_once_the_queue_was_asked_for_all():
    story = given(stock(2), order("A", 5), cancel("A", L1=3)).when(cancel("A", L1=1))
    story.then("A gives up 1 of its cover", "the queue gets 1")


def test_a_cancellation_of_all_while_another_is_in_flight_asks_for_the_rest():
    story = given(stock(2), order("A", 5), cancel("A", L1=2)).when(cancel("A"))
    story.then("the queue is asked to cancel 1 of A", "A gives up 2 of its cover", "the queue gets 2")
    story.with_line("A", cancelling=3)


def test_the_answer_ends_the_asking():
    story = given(order("A", 5), cancel("A", L1=2)).when(need({"A": -2}, answers=[("A", 2, 2)]))
    story.then().with_line("A", need=3, counted=3, cancelling=0, cancelled=2).with_lane(needed=3)


def test_what_the_queue_refuses_is_taken_from_the_cover():
    story = given(stock(2), order("A", 5), stock(5), cancel("A", L1=3))
    story.when(need({"A": -1}, returned=1, answers=[("A", 3, 1)]))
    story.then("A gives up 2 of its cover").with_line("A", covered=0, need=2, cancelled=3, cancelling=0)


def test_what_neither_has_is_said_about_the_back_order():
    asked = cancel("A", L1=3)
    story = given(stock(1), order("A", 4), stock(4), asked)
    answered = need(answers=[("A", 3, 0)])
    story.when(answered).then("A gives up 1 of its cover", "2 of A cannot be cancelled")
    (left,) = story.all(e.CancelLeft)
    assert left.cause == answered.answers[0].cause


def test_more_than_the_line_has_cannot_be_cancelled():
    given(order("A", 2)).when(cancel("A", L1=9)).then(
        "the queue is asked to cancel 2 of A", "7 of A cannot be cancelled"
    )


def test_of_a_line_without_a_back_order_nobody_says_what_could_not_be_cancelled():
    given(stock(2), order("A", 2)).when(cancel("A", L1=9)).then("A gives up 2 of its cover")


def test_cover_that_has_left_is_not_cancelled():
    story = given(stock(3), order("A", 3), stock(1, shipped={"A": 2})).when(cancel("A"))
    story.then("A gives up 1 of its cover").with_line("A", cover_shipped=2, cancelled=1)


def test_a_command_cancels_at_the_queue_without_having_been_asked():
    story = given(order("A", 5)).when(need({"A": -2}, answers=[("A", 0, 2)]))
    story.then().with_line("A", need=3, cancelling=0, cancelled=2).with_lane(needed=3)


def test_an_answer_that_crosses_a_shipment_leaves_no_need_below_zero():
    story = given(order("A", 3), stock(3)).when(stock(0, shipped={"A": 3}), need(answers=[("A", 0, 3)]))
    story.with_line("A", need=0, counted=0)


def test_a_shipment_that_crosses_a_cancellation_leaves_less_to_ask_for():
    story = given(order("A", 5), stock(5), cancel("A", L1=2), stock(2, shipped={"A": 3})).when(cancel("A", L1=2))
    story.then("2 of A cannot be cancelled")


def test_an_order_that_was_cancelled_before_it_came_wants_nothing():
    story = given(stock(5), cancel("A")).when(order("A", 3)).then().with_line("A", cancelled=3, covered=0, need=0)
    story.with_lane(free=5, needed=0)


def test_a_line_that_was_cancelled_before_it_came_wants_nothing_but_its_neighbour_does():
    given(stock(5), cancel("A", "1")).when(order("A/1", 3), order("A/2", 2)).then("A/2 is covered with 2")


def test_a_line_that_was_cancelled_in_part_before_it_came_wants_the_rest():
    story = given(stock(5), cancel("A", L1=2)).when(order("A", 3)).then("A is covered with 1")
    story.with_line("A", cancelled=2)


def test_several_early_cancellations_add_up():
    given(cancel("A", L1=2), cancel("A", L1=1)).when(order("A", 5)).then("A opens a back order of 2")


def test_early_cancellations_never_exceed_the_line():
    story = given(stock(5), cancel("A", L1=2), cancel("A"), cancel("A", L1=2)).when(order("A", 3)).then()
    story.with_line("A", cancelled=3)


def test_an_early_cancellation_spares_what_had_left_already():
    story = given(stock(0, shipped={"A": 2}), cancel("A")).when(order("A", 3)).then()
    story.with_line("A", cover_shipped=2, cancelled=1)


def test_an_early_cancellation_counts_once_though_it_comes_twice():
    early = cancel("A", L1=2)
    given(early, early).when(order("A", 5)).then("A opens a back order of 3")


def test_a_cancellation_is_kept_for_lines_that_come_later():
    given(order("A/1", 1), cancel("A")).when(order("A/2", 4)).then().with_line("A/2", cancelled=4)


def test_a_line_that_was_placed_after_its_order_was_cancelled_is_wanted():
    story = given(stock(5), order("A/1", 1), cancel("A")).when(order("A/2", 4, placed_at=AFTER))
    story.then("A/2 is covered with 4").with_line("A/2", cancelled=0)


def test_a_cancellation_that_names_a_line_counts_for_it_whenever_it_was_placed():
    given(cancel("A", "1")).when(order("A", 3, placed_at=AFTER)).then().with_line("A", cancelled=3)
    given(cancel("A", L1=2)).when(order("A", 3, placed_at=AFTER)).then("A opens a back order of 1")


def test_a_line_that_is_there_when_its_order_is_cancelled_is_so_whatever_the_clocks_say():
    given(stock(3), order("A", 3, placed_at=AFTER)).when(cancel("A")).then("A gives up 3 of its cover")


def test_a_cancellation_of_an_unknown_order_is_kept_and_says_nothing():
    story = given().when(cancel("A")).then()
    assert [type(fact) for fact in story.facts] == [e.CancellationKept]


def test_a_cancellation_of_a_line_that_the_order_does_not_have_says_nothing():
    given(stock(3), order("A", 3)).when(cancel("A", "7")).then().with_line("A", covered=3)


def test_cancelling_what_was_cancelled_does_nothing():
    given(stock(3), order("A", 3), cancel("A")).when(cancel("A")).then().with_line("A", cancelled=3)
