"""The lane side's SQL: one statement per table, inside the batch transaction of the shard."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime

from backorder_runtime import queries
from backorder_runtime.clock import utc_now
from backorder_runtime.database import Conn
from notifier.domain.decide import Reach, Seen
from notifier.domain.model import Audience, Channel, Notification, Outcome, Recipient
from notifier.settings import TeamSettings
from notifier.wire import state_text

SQL = queries.load(__package__ or "notifier")


async def seen_versions(conn: Conn, back_order_ids: Collection[str]) -> dict[str, int]:
    """The newest version seen of each back order that is known."""
    if not back_order_ids:
        return {}
    rows = await conn.fetch(SQL["seen_versions"], list(back_order_ids))
    return {row[0]: row[1] for row in rows}


async def reach(conn: Conn, people: Collection[Recipient]) -> Reach:
    """The channels by which those people can be told who are known; no address leaves the database."""
    rows = await conn.fetch(SQL["contacts"], [who.audience for who in people], [who.recipient_id for who in people])
    return {
        Recipient(Audience(audience), recipient_id): frozenset(
            channel for channel, there in ((Channel.EMAIL, email), (Channel.PUSH, push)) if there
        )
        for audience, recipient_id, email, push in rows
    }


async def seed_team(conn: Conn, team: TeamSettings) -> None:
    """Make the team a contact with the addresses of the settings; without any it is none."""
    if team.email or team.push_url:
        await conn.execute(SQL["seed_team"], team.recipient_id, team.email, team.push_url, utc_now())


async def finished(conn: Conn, notification_ids: Sequence[str]) -> dict[str, Outcome]:
    """The outcomes of notifications that have come to an end."""
    if not notification_ids:
        return {}
    rows = await conn.fetch(SQL["finished"], list(notification_ids))
    return {row["notification_id"]: Outcome(**dict(row)) for row in rows}


async def note_versions(conn: Conn, seen: Sequence[Seen], now: datetime) -> None:
    """Remember the newest version of each of these back orders."""
    await conn.execute(
        SQL["note_versions"],
        [each.back_order_id for each in seen],
        [each.version for each in seen],
        [now if each.closed else None for each in seen],
    )


async def queue(conn: Conn, shard: int, fresh: Sequence[Notification], now: datetime) -> None:
    """Store notifications that wait, and settle the older ones that they make needless."""
    columns = zip(*map(_row, fresh), strict=True)
    await conn.execute(SQL["queue"], shard, now, *map(list, columns))
    newer = [row for each in fresh for row in _replaced(each)]
    if newer:
        await conn.execute(SQL["supersede"], now, *map(list, zip(*newer, strict=True)))


def _replaced(notification: Notification) -> Iterator[tuple[object, ...]]:
    who, state = notification.recipient, notification.event.state
    for channel, kind in notification.replaces:
        yield who.audience, who.recipient_id, channel, state.order_id, state.back_order_id, state.version, kind


def _row(notification: Notification) -> tuple[object, ...]:
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
        notification.due_at,
        notification.expires_at,
    )
