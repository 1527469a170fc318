"""A clock that is set back, or jumps ahead, is noticed before anything is decided by it."""

from datetime import UTC, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from backorder_runtime.clock import ClockChanged, SteadyClock, check_against

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


class Wall:
    """A clock and the time that really passes; a test moves both."""

    def __init__(self):
        self.now, self.passed = NOON, 100.0
        self.clock = SteadyClock(lambda: self.now, 60, lambda: self.passed)

    def passes(self, seconds, shown=None):
        self.passed += seconds
        self.now += timedelta(seconds=seconds if shown is None else shown)
        return self.clock()


def test_time_that_passes_is_told():
    wall = Wall()
    assert wall.passes(3_600) == NOON + timedelta(hours=1)


def test_a_clock_that_was_set_back_stops_with_what_to_do():
    wall = Wall()
    wall.passes(10)
    with pytest.raises(ClockChanged, match=r"set back by 3600 seconds, to 2026-11-24 11:00:11 UTC.*start again"):
        wall.passes(1, shown=-3_599)


def test_small_corrections_are_nothing_and_add_up_to_nothing():
    wall = Wall()
    for _ in range(100):
        wall.passes(60, shown=1)


def test_a_jump_ahead_is_followed_when_the_database_shows_it_too_and_until_then_time_goes_on():
    wall = Wall()
    wall.passes(10)
    assert wall.passes(5, shown=8 * 3_600) == NOON + timedelta(seconds=15)
    assert wall.passes(7) == NOON + timedelta(seconds=22)
    wall.clock.compare(wall.now + timedelta(seconds=2))
    assert wall.passes(1) == NOON + timedelta(hours=8, seconds=18)


def test_a_jump_that_the_database_does_not_show_stops_without_having_been_followed():
    wall = Wall()
    assert wall.passes(1, shown=3_600) == NOON + timedelta(seconds=1)
    with pytest.raises(ClockChanged, match="3599 seconds ahead of that of the database"):
        wall.clock.compare(NOON + timedelta(seconds=1))


def test_a_jump_that_is_taken_back_before_it_is_followed_was_none():
    wall = Wall()
    wall.passes(1, shown=3_600)
    assert wall.passes(1, shown=-3_598) == NOON + timedelta(seconds=2)
    wall.clock.compare(NOON + timedelta(seconds=2))
    assert wall.passes(1) == NOON + timedelta(seconds=3)


def test_one_jump_is_told_once():
    wall = Wall()
    with capture_logs() as lines:
        for _ in range(3):
            wall.passes(1, shown=3_600)
    assert [(line["event"], line["seconds"]) for line in lines] == [("the clock jumped ahead", 3_599)]


def test_a_clock_that_was_set_back_is_no_less_so_because_the_database_s_was_too():
    wall = Wall()
    wall.now -= timedelta(hours=1)
    with pytest.raises(ClockChanged, match="set back by 3600 seconds"):
        wall.clock.compare(wall.now)


@pytest.mark.parametrize(("apart", "how"), [(61, "61 seconds ahead of"), (-3_600, "3600 seconds behind")])
def test_clocks_that_differ_stop_with_both_times(apart, how):
    with pytest.raises(ClockChanged, match=f"{how} that of the database .* against 2026-11-24 12:00:00 UTC"):
        check_against(NOON, NOON + timedelta(seconds=apart), 60)


def test_clocks_that_nearly_agree_are_right_and_zero_turns_the_check_off():
    check_against(NOON, NOON + timedelta(seconds=59), 60)
    check_against(NOON, NOON + timedelta(days=3), 0)
