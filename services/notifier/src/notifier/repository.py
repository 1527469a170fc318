"""The lane side's SQL: one statement per table, inside the transaction of a batch."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime

from backorder_runtime import queries
from backorder_runtime.asking import Asking, Read, Write, by_column, statements
from notifier.domain.decide import Reach, Seen
from notifier.domain.model import Audience, Channel, Notification, Outcome, Recipient
from notifier.settings import TeamSettings
from notifier.wire import state_text

SQL = queries.load("notifier")
_SQL = statements("notifier")


def seen_versions(back_order_ids: Collection[str]) -> Asking[dict[str, int]]:
    """The newest version seen of each back order that is known."""
    rows = yield Read(_SQL["seen_versions"], (list(back_order_ids),))
    return {back_order_id: version for _, back_order_id, version in rows}


def reach(people: Collection[Recipient]) -> Asking[Reach]:
    """The channels by which those people can be told who are known; no address leaves the database."""
    rows = yield Read(_SQL["contacts"], ([who.audience for who in people], [who.recipient_id for who in people]))
    return {
        Recipient(Audience(audience), recipient_id): frozenset(
            channel for channel, there in ((Channel.EMAIL, email), (Channel.PUSH, push)) if there
        )
        for _, audience, recipient_id, email, push in rows
    }


def seed_team(team: TeamSettings) -> Asking[None]:
    """Make the team a contact with the addresses of the settings; without any it is none."""
    if team.email or team.push_url:
        yield Write(_SQL["seed_team"], ([team.recipient_id], [team.email], [team.push_url]))


def finished(notification_ids: Sequence[str]) -> Asking[dict[str, Outcome]]:
    """The outcomes of notifications that have come to an end."""
    rows = yield Read(_SQL["finished"], (notification_ids,))
    named = ({name: value for name, value in row.items() if name != "shard"} for row in rows)
    return {row["notification_id"]: Outcome(**row) for row in named}


def note_versions(seen: Sequence[Seen], now: datetime) -> Asking[None]:
    """Remember the newest version of each of these back orders."""
    closed = [now if each.closed else None for each in seen]
    yield Write(_SQL["note_versions"], ([each.back_order_id for each in seen], [each.version for each in seen], closed))


def queue(fresh: Sequence[Notification], now: datetime) -> Asking[None]:
    """Store notifications that wait, and settle the older ones that they make needless."""
    yield Write(_SQL["queue"], by_column(_row(each, now) for each in fresh))
    if newer := [(now, *row) for each in fresh for row in _replaced(each)]:
        yield Write(_SQL["supersede"], by_column(newer))


def _replaced(notification: Notification) -> Iterator[tuple[object, ...]]:
    who, state = notification.recipient, notification.event.state
    for channel, kind in notification.replaces:
        yield who.audience, who.recipient_id, channel, state.order_id, state.back_order_id, state.version, kind


def _row(notification: Notification, now: datetime) -> tuple[object, ...]:
    event = notification.event
    return (
        notification.notification_id,
        event.lane,
        event.event_id,
        event.event_type,
        notification.kind,
        event.state.back_order_id,
        event.state.version,
        event.state.order_id,
        notification.recipient.audience,
        notification.recipient.recipient_id,
        notification.channel,
        state_text(event.state),
        event.caused_at,
        now,
        notification.due_at,
        notification.expires_at,
    )
