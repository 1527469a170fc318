"""How times are written for people."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class Calendar:
    """Days and times in one time zone; English, whatever the machine's locale."""

    zone: tzinfo = UTC

    def day(self, moment: datetime) -> str:
        """The day of a moment, such as `Mon 30 Nov 2026`."""
        return _day(moment.astimezone(self.zone))

    def time(self, moment: datetime) -> str:
        """Day and time of a moment, such as `Mon 30 Nov 2026 14:05 UTC`."""
        local = moment.astimezone(self.zone)
        return f"{_day(local)} {local:%H:%M} {local.tzname()}"

    def last_day(self, deadline: datetime) -> str:
        """The last day before a deadline: a day given as a date ends at its midnight (UTC)."""
        at = deadline.astimezone(UTC)
        if (at.hour, at.minute, at.second, at.microsecond) == (0, 0, 0, 0):
            return _day(at - timedelta(days=1))
        return self.day(deadline)


def _day(local: datetime) -> str:
    return f"{_DAYS[local.weekday()]} {local.day} {_MONTHS[local.month - 1]} {local.year}"
