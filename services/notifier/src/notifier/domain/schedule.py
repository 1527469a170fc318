"""When a message that was not accepted is tried again."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from notifier.domain.identity import share

_JITTER: Final = 0.2


@dataclass(frozen=True, slots=True)
class Patience:
    """The first wait, and the longest. Each wait is twice the one before."""

    first: timedelta
    longest: timedelta


def next_try(
    patience: Patience, message_id: str, attempts: int, now: datetime, asked: timedelta | None = None
) -> datetime:
    """When to try again after `attempts` (≥ 1) tries, at the earliest when the server `asked` for it.

    The wait differs by up to a fifth between messages, and is the same whenever it is worked out again.
    """
    doublings = min(attempts - 1, 30)
    wait = min(patience.first * (1 << doublings), patience.longest)
    wait = wait * (1 + _JITTER * (2 * share(message_id, str(attempts)) - 1))
    return now + max(wait, asked or timedelta(0))
