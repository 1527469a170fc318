"""The one place where time comes in."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import structlog

Clock = Callable[[], datetime]
_log = structlog.get_logger()


def utc_now() -> datetime:
    """The time now, aware, in UTC."""
    return datetime.now(UTC)


class ClockChanged(Exception):
    """The clock cannot be relied on; the message says what to do. Nothing was decided by it."""


class SteadyClock:
    """A clock that neither is set back nor jumps ahead unnoticed: each look compares with the time that really passed.

    By a clock that was set back, timers would ring late and decisions be dated before those they follow: it stops. A
    jump ahead may be right, as after a machine slept, or wrong: it is followed when the database's clock shows it too,
    and until then time goes on from where it was.
    """

    def __init__(self, clock: Clock, tolerance: float, passing: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._tolerance = tolerance
        self._passing = passing
        self._last = clock(), passing()
        self._doubted = False

    def __call__(self) -> datetime:
        """The time to go by. Raises `ClockChanged` when it was set back by more than the tolerance, in seconds."""
        now, passed = self._clock(), self._passing()
        believed = self._last[0] + timedelta(seconds=passed - self._last[1])
        ahead = (now - believed).total_seconds()
        if self._tolerance and ahead < -self._tolerance:
            raise ClockChanged(
                f"the clock of this machine was set back by {-ahead:.0f} seconds, to {now:%Y-%m-%d %H:%M:%S} UTC: "
                "timers would ring late, and what is decided would be dated before what led to it. Set the clock right "
                "and start again; if it is right now, and was ahead before, just start again."
            )
        if self._tolerance and ahead > self._tolerance:
            if not self._doubted:
                _log.warning("the clock jumped ahead", seconds=round(ahead))
            self._doubted = True
            return believed
        self._last, self._doubted = (now, passed), False
        return now

    def compare(self, theirs: datetime) -> None:
        """Hold it against the database's clock. What both show is followed; `ClockChanged` when they differ."""
        self()
        ours, passed = self._clock(), self._passing()
        check_against(theirs, ours, self._tolerance)
        self._last, self._doubted = (ours, passed), False


def check_against(theirs: datetime, ours: datetime, tolerance: float) -> None:
    """Raise `ClockChanged` when this machine's clock and the database's differ by more than so many seconds."""
    apart = (ours - theirs).total_seconds()
    if tolerance and abs(apart) > tolerance:
        raise ClockChanged(
            f"the clock of this machine is {abs(apart):.0f} seconds {'ahead of' if apart > 0 else 'behind'} that of "
            f"the database ({ours:%Y-%m-%d %H:%M:%S} against {theirs:%Y-%m-%d %H:%M:%S} UTC): due dates and promises "
            "would be wrong. Set the wrong one right and start again."
        )
