"""The senders' side of the database: short transactions of their own, none of which waits for a provider."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from asyncpg import Pool, Record

from backorder_runtime.database import Conn
from notifier.domain.compose import News, Told, learned, promise_of
from notifier.domain.model import Audience, BackOrder, Channel, Recipient, Result
from notifier.repository import SQL
from notifier.wire import state_of


@dataclass(frozen=True, slots=True)
class Address:
    """Where a recipient can be reached now; None where not."""

    email: str | None = None
    push_url: str | None = None

    def of(self, channel: Channel) -> str | None:
        """The address of a channel."""
        return self.email if channel is Channel.EMAIL else self.push_url


@dataclass(frozen=True, slots=True)
class Times:
    """When a notification's event happened, when it was decided, and from when on it is not sent."""

    caused_at: datetime
    decided_at: datetime
    expires_at: datetime


@dataclass(slots=True, kw_only=True)
class Leased:
    """A message that this sender holds until its lease runs out.

    `tries` counts those with this news, `refusals` those before it since the recipient was last reached.
    `unsure`: an earlier try may have got through, so it goes again unchanged or not at all.
    """

    message_id: str
    epoch: int
    recipient: Recipient
    channel: Channel
    tries: int
    refusals: int
    unsure: bool
    address: Address = Address()
    news: list[News] = field(default_factory=list)
    times: dict[str, Times] = field(default_factory=dict)
    told: dict[str, Told] = field(default_factory=dict)

    @property
    def written_at(self) -> datetime:
        """When the newest of its news was decided: the same for every try."""
        return max(self.times[news.notification_id].decided_at for news in self.news)

    @property
    def expires_at(self) -> datetime:
        """When all of its news is too old."""
        return max(self.times[news.notification_id].expires_at for news in self.news)


class MessageStore:
    """What the senders of one channel read and write. Several may run, in one process or in many."""

    def __init__(self, pool: "Pool[Any]", channel: Channel) -> None:
        self._pool = pool
        self._channel = channel

    async def lease(self, now: datetime, lease: timedelta, batch: int, lines: int) -> list[Leased]:
        """Take messages to send: those that another sender left behind, then new ones, oldest first.

        A message that is returned is nobody else's until its lease runs out. Several calls at once are safe.
        """
        async with self._pool.acquire() as conn, conn.transaction():
            rows = await conn.fetch(SQL["take_over"], self._channel, now, now + lease, batch)
            if len(rows) < batch:
                rows += await self._open(conn, now, now + lease, batch - len(rows), lines)
            messages = {row["message_id"]: self._leased(row) for row in rows}
            await self._fill(conn, messages)
        return list(messages.values())

    async def _open(self, conn: Conn, now: datetime, until: datetime, batch: int, lines: int) -> list[Record]:
        opened = await conn.fetch(SQL["open_messages"], self._channel, now, until, batch)
        if not opened:
            return []
        names = [row["message_id"] for row in opened]
        bound = {row["message_id"] for row in await conn.fetch(SQL["bind"], names, lines)}
        for row in opened:
            if row["message_id"] not in bound:
                # its news was superseded, or is being looked at, between the two statements
                await conn.execute(SQL["close_message"], row["message_id"], row["epoch"])
        return [row for row in opened if row["message_id"] in bound]

    def _leased(self, row: Record) -> Leased:
        return Leased(
            message_id=row["message_id"],
            epoch=row["epoch"],
            recipient=Recipient(Audience(row["audience"]), row["recipient_id"]),
            channel=self._channel,
            tries=row["tries"],
            refusals=row["refusals"],
            unsure=row["status"] == "sending",
        )

    async def _fill(self, conn: Conn, messages: Mapping[str, Leased]) -> None:
        """Add to each message its news, its address, and what its recipient was told before."""
        for row in await conn.fetch(SQL["members"], list(messages)):
            message = messages[row["message_id"]]
            message.news.append(News(row["notification_id"], row["event_type"], state_of(row["state"])))
            message.times[row["notification_id"]] = Times(row["caused_at"], row["decided_at"], row["expires_at"])
        people: dict[Recipient, list[Leased]] = defaultdict(list)
        for message in messages.values():
            people[message.recipient].append(message)
        for audience, recipient_id, email, push_url in await conn.fetch(SQL["addresses"], *_columns(people)):
            for message in people[Recipient(Audience(audience), recipient_id)]:
                message.address = Address(email, push_url)
        asked = {(m.recipient, news.state.back_order_id) for m in messages.values() for news in m.news}
        rows = await conn.fetch(SQL["told"], self._channel, *_columns(r for r, _ in asked), [b for _, b in asked])
        for audience, recipient_id, back_order_id, p50, p90 in rows:
            for message in people[Recipient(Audience(audience), recipient_id)]:
                message.told[back_order_id] = Told(p50, p90)

    async def mark_sending(self, message: Leased, until: datetime) -> bool:
        """Write down that the step follows that cannot be taken back. False: the lease is lost, do not send."""
        marked = await self._pool.fetchval(SQL["mark_sending"], message.message_id, message.epoch, until)
        return marked is not None

    async def hold(self, message: Leased, until: datetime) -> bool:
        """Keep a message as it is, to be sent again from `until` on. False: the lease was lost."""
        return await self._pool.fetchval(SQL["hold"], message.message_id, message.epoch, until) is not None

    async def wait(self, message: Leased, due_at: datetime) -> bool:
        """Put the news back after a try, and leave the recipient alone until `due_at`. False: the lease was lost."""
        return await self._give_up_lease(message, due_at, tried=True)

    async def put_back(self, message: Leased, now: datetime) -> bool:
        """Put the news back without a try. False: the lease was lost."""
        return await self._give_up_lease(message, now, tried=False)

    async def _give_up_lease(self, message: Leased, due_at: datetime, *, tried: bool) -> bool:
        tries = message.tries if tried else message.tries - 1
        name = (message.message_id, message.epoch)
        async with self._pool.acquire() as conn, conn.transaction():
            if tries or message.refusals:
                held = await conn.fetchval(SQL["wait"], *name, due_at, tries)
            else:
                held = await conn.fetchval(SQL["close_message"], *name)
            if held:
                await conn.execute(SQL["release"], message.message_id, tries, due_at if tried else None)
        return held is not None

    async def drop(self, message: Leased, notification_ids: Sequence[str], reason: str, now: datetime) -> bool:
        """Settle some of the news of a message as not worth sending. False: the lease was lost."""
        async with self._pool.acquire() as conn, conn.transaction():
            if not await conn.fetchval(SQL["still_held"], message.message_id, message.epoch):
                return False
            await self._finish(conn, message, Result.SUPPRESSED, reason, now, tries=0, only=notification_ids)
        return True

    async def finish(
        self,
        message: Leased,
        result: Result,
        reason: str | None,
        now: datetime,
        *,
        tries: int,
        bounces: int | None = None,
    ) -> list[str]:
        """End a message, and ring for the outcome of each of its notifications; returns their ids.

        Nothing when the lease was lost. After `bounces` refusals of its address in a row, which this one is, the
        address is suspended.
        """
        async with self._pool.acquire() as conn, conn.transaction():
            if not await conn.fetchval(SQL["close_message"], message.message_id, message.epoch):
                return []
            ended = await self._finish(conn, message, result, reason, now, tries=tries)
            if result is Result.SENT:
                await self._remember(conn, message, now)
            await self._judge_address(conn, message, result, now, bounces)
        return ended

    async def drop_push(self, message: Leased) -> None:
        """Forget a push address that is gone, unless it was replaced meanwhile."""
        await self._pool.execute(SQL["drop_push"], *_who(message), message.address.push_url)

    async def _finish(
        self,
        conn: Conn,
        message: Leased,
        result: Result,
        reason: str | None,
        now: datetime,
        *,
        tries: int,
        only: Sequence[str] | None = None,
    ) -> list[str]:
        arguments = (message.message_id, result, reason, now, tries, list(only) if only is not None else None)
        return [row[0] for row in await conn.fetch(SQL["finish"], *arguments)]

    async def _remember(self, conn: Conn, message: Leased, now: datetime) -> None:
        states = learned(message.news)
        columns = [_told_row(name, state) for name, state in sorted(states.items())]
        if columns:
            arrays = map(list, zip(*columns, strict=True))
            await conn.execute(SQL["remember"], *_who(message), self._channel, *arrays, now)

    async def _judge_address(
        self, conn: Conn, message: Leased, result: Result, now: datetime, bounces: int | None
    ) -> None:
        if self._channel is not Channel.EMAIL or message.address.email is None:
            return
        if bounces is not None:
            await conn.execute(SQL["bounced"], *_who(message), message.address.email, bounces, now)
        elif result is Result.SENT:
            await conn.execute(SQL["delivered"], *_who(message), message.address.email)


def _who(message: Leased) -> tuple[str, str]:
    return (message.recipient.audience, message.recipient.recipient_id)


def _columns(people: Any) -> tuple[list[str], list[str]]:
    listed = list(people)
    return [who.audience for who in listed], [who.recipient_id for who in listed]


def _told_row(back_order_id: str, state: BackOrder) -> tuple[str, int, datetime | None, datetime | None]:
    promise = promise_of(state)
    return (back_order_id, state.version, promise.p50, promise.p90)
