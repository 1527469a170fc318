"""A cancellation of the order follows the part of a line that was rerouted."""

import pytest
from router_desk import Desk

from backorder_contracts.internal import CancelAnswer
from priority_router.domain.lane_facts import LineFollowed, NeedReported
from priority_router.publish import Teller


@pytest.fixture
def desk():
    return Desk()


def answer(desk):
    (found,) = desk.one(NeedReported).answers
    return found


def test_a_reroute_tells_the_ledger_how_many_units_stand_elsewhere(desk):
    desk.short("A", 5)
    desk.command("reroute", "A", to_location_id="W2")
    assert answer(desk) == CancelAnswer(desk.line("A").ref, 0, 5, answer(desk).cause, away=5)
    assert (desk.line("A").away, desk.line("A").recalled) == (5, 0)


def test_a_cancellation_is_sent_after_the_line_and_totals_grow(desk):
    desk.short("A", 5)
    desk.command("reroute", "A", to_location_id="W2")
    version = desk.line("A").version
    desk.cancel("A", 2)
    assert desk.one(LineFollowed) == LineFollowed(desk.line("A").ref, "W2", 2, desk.one(LineFollowed).cause)
    assert answer(desk) == CancelAnswer(desk.line("A").ref, 2, 0, answer(desk).cause, away=-2)
    desk.cancel("A", 9)
    assert desk.one(LineFollowed).total == 5
    assert answer(desk).away == -3
    assert desk.line("A").version == version, "here nothing changed that the public sees"
    desk.cancel("A", 1)
    assert not desk.all(LineFollowed), "nothing is left to follow"


def test_units_that_ship_from_here_although_they_were_rerouted_are_wanted_no_more_elsewhere():
    """The warehouse ships what it was not told to, while the reroute is on its way to the ledger."""
    desk = Desk()
    desk.short("A", 5)
    desk.command("reroute", "A", to_location_id="W2")
    desk.shipped("A", 3, 3)
    assert desk.one(LineFollowed).total == 3
    assert answer(desk) == CancelAnswer(desk.line("A").ref, 0, 0, answer(desk).cause, away=-3)
    desk.cancel("A", 2)  # all that the ledger knew of
    assert desk.one(LineFollowed).total == 5
    assert desk.line("A").away == 0


def test_what_is_still_here_is_cancelled_first_and_what_is_released_never(desk):
    desk.short("A", 6)
    desk.units(2)
    desk.wait(desk.queue.policy.release_debounce * 2)
    assert desk.line("A").released == 2
    desk.command("reroute", "A", to_location_id="W2")
    assert (desk.line("A").status, desk.line("A").away) == ("released", 4)
    desk.cancel("A", 6)
    assert (answer(desk).done, answer(desk).away) == (0, -4)
    desk.short("A", 3, first=False, quantity=9)
    desk.cancel("A", 1)
    assert (answer(desk).done, answer(desk).away) == (1, 0)


def test_the_message_goes_to_the_ledger_of_the_other_lane(desk):
    desk.short("A", 5)
    desk.command("reroute", "A", to_location_id="W2")
    desk.cancel("A", 5)
    (message,) = Teller(desk.queue, None).tell(desk.one(LineFollowed))
    assert (message.topic, message.key, message.type) == ("order-line", "BRK-204@W2", "order-line.recalled")
