"""Which notifications an event causes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

from notifier.domain.model import (
    Audience,
    Channel,
    Notification,
    Outcome,
    Recipient,
    Result,
    StateEvent,
)
from notifier.domain.settle import settled
from notifier.domain.table import Rule, kind_of, replaced, rules

Reach: TypeAlias = Mapping[Recipient, frozenset[Channel]]
"""The channels by which each known contact can be told; nobody else is known."""


@dataclass(frozen=True, slots=True)
class Habits:
    """How this installation notifies: its team, how long news gathers, and when news is too old to tell."""

    team_id: str
    window: timedelta
    give_up_after: timedelta


@dataclass(frozen=True, slots=True)
class Seen:
    """An event of this version was taken in; `closed` when it ended the back order."""

    back_order_id: str
    version: int
    closed: bool


@dataclass(frozen=True, slots=True)
class Queued:
    """A notification waits to be sent."""

    notification: Notification


@dataclass(frozen=True, slots=True)
class Settled:
    """A notification that will not be sent, and why."""

    outcome: Outcome


Fact: TypeAlias = Seen | Queued | Settled


def decide(seen: int, reach: Reach, event: StateEvent, now: datetime, habits: Habits) -> tuple[Fact, ...]:
    """What follows from an event of a back order of which version `seen` (0: none) is known.

    Nothing, when that version was seen before. Otherwise each rule of the table that holds leads to one fact
    per channel: queued, or settled at once.
    """
    state = event.state
    if state.version <= seen:
        return ()
    heard = [fact for rule in rules(event.event_type, state) for fact in _tell(rule, reach, event, now, habits)]
    return (Seen(state.back_order_id, state.version, state.closed), *heard)


def _tell(rule: Rule, reach: Reach, event: StateEvent, now: datetime, habits: Habits) -> Iterator[Fact]:
    customer = rule.audience is Audience.CUSTOMER
    recipient = Recipient(rule.audience, event.state.customer_id if customer else habits.team_id)
    expires_at = event.caused_at + habits.give_up_after
    if recipient not in reach:
        yield _settled(event, recipient, now, Result.SUPPRESSED, "no-contact")
        return
    channels = usable(rule.channels, reach[recipient])
    if not channels:
        yield _settled(event, recipient, now, Result.SUPPRESSED, "no-channel")
    for channel in channels:
        if expires_at <= now:
            yield _settled(event, recipient, now, Result.EXPIRED, "too-old", by=channel)
            continue
        kind = kind_of(event.event_type, event.state)
        yield Queued(
            Notification(
                event=event,
                recipient=recipient,
                channel=channel,
                kind=kind,
                replaces=replaced(kind, channel),
                decided_at=now,
                due_at=min(now + habits.window, expires_at),
                expires_at=expires_at,
            )
        )


def usable(wanted: tuple[Channel, ...], has: frozenset[Channel]) -> tuple[Channel, ...]:
    """The channels to use: those wanted that there are; push stands in for e-mail that there is not."""
    found = tuple(channel for channel in wanted if channel in has)
    if not found and Channel.EMAIL in wanted and Channel.PUSH in has:
        return (Channel.PUSH,)
    return found


def _settled(
    event: StateEvent,
    recipient: Recipient,
    now: datetime,
    result: Result,
    reason: str,
    *,
    by: Channel = Channel.NONE,
) -> Settled:
    return Settled(settled(event, recipient, now, channel=by, result=result, reason=reason))
