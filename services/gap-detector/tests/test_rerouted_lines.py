"""A line that was rerouted is cancelled where it is now, by way of the queue that sent it there."""

from ledger_desk import PART, cancel, given, need, order, ref, stock
from msgspec.structs import replace

from backorder_contracts.internal import CancelAnswer, Cause, LineRecalled

CAUSE = Cause("order.cancelled", "X")


def answered(name, asked, done, away, changes=None):
    """The queue's answer with units that went on to, or were cancelled in, another lane."""
    return replace(need(changes), answers=(CancelAnswer(ref(name), asked, done, CAUSE, away),))


def recalled(name, total, location="W1"):
    return LineRecalled(ref(name), PART, location, total, CAUSE)


def rerouted(name, quantity):
    """The part of a line that came here from another lane."""
    return order(name, quantity, rerouted_from="BO-before", been=(f"{PART}@W2",))


def test_the_queue_is_asked_to_cancel_what_it_rerouted():
    story = given(stock(2), order("A", 5), answered("A", 0, 3, 3, {"A": -3}))
    story.with_line("A", need=0, away=3)
    story.when(cancel("A")).then("the queue is asked to cancel 3 of A", "A gives up 2 of its cover")


def test_rerouted_units_are_asked_for_once():
    story = given(order("A", 5), answered("A", 0, 5, 5, {"A": -5})).when(cancel("A", L1=2), cancel("A"))
    story.then("the queue is asked to cancel 2 of A", "the queue is asked to cancel 3 of A")
    story.when(answered("A", 2, 0, -2), answered("A", 3, 0, -3)).with_line("A", away=0, cancelling=0)
    story.when(cancel("A")).then()


def test_a_cancellation_that_meets_the_reroute_on_its_way_is_answered_all_the_same():
    story = given(order("A", 4), cancel("A")).when(answered("A", 0, 4, 4, {"A": -4}), answered("A", 4, 0, -4))
    story.then().with_line("A", need=0, away=0, cancelling=0)


def test_what_was_neither_cancelled_here_nor_elsewhere_is_refused():
    story = given(order("A", 4), cancel("A")).when(answered("A", 4, 0, -1))
    story.then("3 of A cannot be cancelled")


def test_a_rerouted_line_gives_up_its_cover_and_what_waits():
    story = given(stock(2), rerouted("A", 5)).when(recalled("A", 4))
    story.then("the queue is asked to cancel 3 of A", "A gives up 1 of its cover", "the queue gets 1")


def test_the_same_total_again_means_nothing_and_a_greater_one_only_the_difference():
    story = given(stock(5), rerouted("A", 5)).when(recalled("A", 2)).then("A gives up 2 of its cover")
    story.when(recalled("A", 2)).then_nothing()
    story.when(recalled("A", 3)).then("A gives up 1 of its cover").when(recalled("A", 1)).then_nothing()


def test_a_line_that_is_not_here_is_not_cancelled_here():
    given(stock(5)).when(recalled("A", 2)).then_nothing()
