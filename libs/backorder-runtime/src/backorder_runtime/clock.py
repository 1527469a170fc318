"""The one place where time comes in."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

import structlog

Clock = Callable[[], datetime]
_log = structlog.get_logger()


def utc_now() -> datetime:
    """The time now, aware, in UTC."""
    return datetime.now(UTC)


class ClockChanged(Exception):
    """The clock cannot be relied on; the message says what to do. Nothing was decided by it."""


class SteadyClock:
    """A clock that is not set back unnoticed: each look at it compares with the time that has really passed.

    By a clock that was set back, timers would ring late and decisions be dated before those they follow. One that
    jumps ahead is followed with a warning: a machine that slept does so, and then it is right.
    """

    def __init__(self, clock: Clock, tolerance: float, passing: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._tolerance = tolerance
        self._passing = passing
        self._last = clock(), passing()

    def __call__(self) -> datetime:
        """The time now. Raises `ClockChanged` when it was set back by more than the tolerance, in seconds."""
        now, passed = self._clock(), self._passing()
        ahead = (now - self._last[0]).total_seconds() - (passed - self._last[1])
        if self._tolerance and ahead < -self._tolerance:
            raise ClockChanged(
                f"the clock of this machine was set back by {-ahead:.0f} seconds, to {now:%Y-%m-%d %H:%M:%S} UTC: "
                "timers would ring late, and what is decided would be dated before what led to it. Set the clock right "
                "and start again; if it is right now, and was ahead before, just start again."
            )
        if self._tolerance and ahead > self._tolerance:
            _log.warning("the clock jumped ahead", seconds=round(ahead))
        self._last = now, passed
        return now


def check_against(theirs: datetime, ours: datetime, tolerance: float) -> None:
    """Raise `ClockChanged` when this machine's clock and the database's differ by more than so many seconds."""
    apart = (ours - theirs).total_seconds()
    if tolerance and abs(apart) > tolerance:
        raise ClockChanged(
            f"the clock of this machine is {abs(apart):.0f} seconds {'ahead of' if apart > 0 else 'behind'} that of "
            f"the database ({ours:%Y-%m-%d %H:%M:%S} against {theirs:%Y-%m-%d %H:%M:%S} UTC): due dates and promises "
            "would be wrong. Set the wrong one right and start again."
        )
