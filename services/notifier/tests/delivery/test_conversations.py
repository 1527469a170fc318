"""What must hold between messages: silence, several senders, lost leases, dates that move."""

import asyncio
from datetime import timedelta

from notifier import metrics
from notifier.domain.model import Channel
from notifier.sender import Sender
from notifier.smtp import SmtpTransport
from notifier.store import MessageStore


async def test_silence_after_the_final_dot_sends_the_same_mail_again(
    shard, outcomes, subscribe, make_record, send, mail_server
):
    await subscribe()
    before = metrics.AMBIGUOUS.labels("email")._value.get()
    mail_server.on_data.append("drop")
    await shard.feed(make_record())
    await send()
    assert await shard.feed() == []
    # news that comes meanwhile neither replaces nor joins what may be in the customer's hands already
    await shard.feed(make_record("promised", version=2, promise=4))
    await send(seconds=40)
    await send(seconds=2)
    first, again, newer = mail_server.raw
    assert first == again != newer
    assert metrics.AMBIGUOUS.labels("email")._value.get() == before + 1
    assert await outcomes() == [(1, "sent", None), (2, "sent", None)]


async def test_the_database_knows_of_a_send_before_it_begins(shard, subscribe, make_record, send, mail_server, pool):
    await subscribe()
    known = []

    async def look() -> None:
        known.append(await pool.fetchval("SELECT status FROM message"))

    mail_server.on_arrival = look
    await shard.feed(make_record())
    await send()
    assert known == ["sending"]


async def test_a_refusal_after_silence_keeps_the_mail_as_it_is(shard, subscribe, make_record, send, mail_server):
    await subscribe()
    mail_server.on_data.extend(["drop", "451 later", "250 OK"])
    await shard.feed(make_record())
    await send()
    await shard.feed(make_record("promised", version=2, promise=4))
    await send(seconds=40)
    assert len(mail_server.raw) == 1
    await send(seconds=100)
    assert mail_server.raw[0] == mail_server.raw[1]


async def test_several_senders_send_each_message_once(shard, subscribe, make_record, new_sender, clock, mail_server):
    await subscribe()
    await shard.feed(*(make_record(line=f"{o}-{n}", order_id=f"SO-{o}") for o in range(30) for n in range(3)))
    clock.forward(seconds=2)
    senders = [new_sender() for _ in range(4)]

    async def drain(sender: Sender) -> None:
        while await sender.turn():
            pass
        await sender._transport.rest()

    await asyncio.gather(*map(drain, senders))
    await drain(senders[0])
    published = await shard.feed()
    assert [o["result"] for o in published] == ["sent"] * 90
    assert len({o["message_id"] for o in published}) == len(mail_server.mails)
    told = [mail.get_all("X-Backorder-Id") for mail in mail_server.mails]
    assert sorted(name for names in told for name in names) == sorted(
        f"BO-{o}-{n}" for o in range(30) for n in range(3)
    )


async def test_a_message_is_under_way_once_per_recipient_and_order(shard, subscribe, make_record, pool, clock):
    await subscribe()
    store = MessageStore(pool, Channel.EMAIL)
    await shard.feed(make_record())
    clock.forward(seconds=2)
    [held] = await store.lease(clock(), timedelta(seconds=60), 10, 100)
    await shard.feed(make_record("shipped", version=2))
    clock.forward(seconds=2)
    assert await store.lease(clock(), timedelta(seconds=60), 10, 100) == []
    await store.wait(held, clock())
    [both] = await store.lease(clock(), timedelta(seconds=60), 10, 100)
    assert [news.event_type for news in both.news] == ["back-order.opened", "back-order.shipped"]


async def test_newer_news_does_not_leave_before_older_that_another_sender_looks_at(
    shard, subscribe, make_record, pool, clock
):
    await subscribe()
    await shard.feed(make_record(), make_record("shipped", version=2))
    clock.forward(seconds=2)
    store = MessageStore(pool, Channel.EMAIL)
    async with pool.acquire() as other, other.transaction():
        await other.execute("SELECT FROM notification WHERE version = 1 FOR UPDATE")
        assert await store.lease(clock(), timedelta(seconds=60), 10, 100) == []
    [both] = await store.lease(clock(), timedelta(seconds=60), 10, 100)
    assert [news.event_type for news in both.news] == ["back-order.opened", "back-order.shipped"]


async def test_who_lost_the_lease_neither_sends_nor_records(
    shard, subscribe, make_record, pool, clock, new_sender, mail_server
):
    await subscribe()
    store = MessageStore(pool, Channel.EMAIL)
    await shard.feed(make_record())
    clock.forward(seconds=2)
    [zombie] = await store.lease(clock(), timedelta(seconds=60), 10, 100)
    clock.forward(seconds=61)
    [heir] = await store.lease(clock(), timedelta(seconds=60), 10, 100)
    assert heir.epoch > zombie.epoch
    await new_sender()._send(zombie)
    assert mail_server.mails == []
    assert not await store.wait(zombie, clock())
    assert await store.finish(zombie, "sent", None, clock(), tries=1) == []
    assert len(await store.finish(heir, "sent", None, clock(), tries=heir.tries)) == 1


async def test_a_defect_holds_up_one_message_and_not_the_others(
    shard, subscribe, make_record, send, mail_server, monkeypatch, pool
):
    await subscribe()
    honest = SmtpTransport.deliver

    async def defective(self, message, address, letter, enter):
        if letter.order_id == "SO-1":
            raise KeyError("jo@customer.example")
        return await honest(self, message, address, letter, enter)

    monkeypatch.setattr(SmtpTransport, "deliver", defective)
    await shard.feed(*(make_record(line=str(n), order_id=f"SO-{n}") for n in range(3)))
    await send()
    assert len(mail_server.mails) == 2
    monkeypatch.setattr(SmtpTransport, "deliver", honest)
    await send(seconds=40)
    assert len(mail_server.mails) == 3


async def test_what_was_sent_is_written_down_however_long_the_database_takes(
    shard, outcomes, subscribe, make_record, send, mail_server, monkeypatch
):
    await subscribe()
    finish, failures = MessageStore.finish, [ConnectionResetError("gone"), TimeoutError(), ConnectionResetError("gone")]

    async def flaky(self, *arguments, **named):
        if failures:
            raise failures.pop()
        return await finish(self, *arguments, **named)

    monkeypatch.setattr(MessageStore, "finish", flaky)
    await shard.feed(make_record())
    await send()
    assert failures == []
    assert await outcomes() == [(1, "sent", None)]
    assert len(mail_server.mails) == 1


async def test_dates_that_move_and_move_back_are_not_told(shard, outcomes, subscribe, make_record, send, mail_server):
    await subscribe()
    await shard.feed(make_record("promised", version=1, promise=5))
    await send()
    await shard.feed(make_record("promised", version=2, promise=9, first=5))
    await shard.feed(make_record("promised", version=3, promise=5, first=5))
    await send()
    assert len(mail_server.mails) == 1
    assert await outcomes() == [
        (1, "sent", None),
        (2, "suppressed", "superseded"),
        (3, "suppressed", "unchanged"),
    ]


async def test_a_repeated_date_beside_other_news_is_left_out(
    shard, outcomes, subscribe, make_record, send, mail_server
):
    await subscribe()
    await shard.feed(make_record("promised", version=1, promise=5))
    await send()
    await shard.feed(make_record("promised", version=2, promise=5), make_record("shipped", version=3, promise=5))
    await send()
    assert await outcomes() == [(1, "sent", None), (2, "suppressed", "unchanged"), (3, "sent", None)]
    assert len(mail_server.mails) == 2


async def test_what_was_left_out_does_not_change_the_second_try(
    shard, subscribe, make_record, send, mail_server, clock
):
    await subscribe()
    await shard.feed(make_record("promised", version=1, promise=5))
    await send()
    mail_server.on_data.append("drop")
    await shard.feed(make_record("shipped", version=2, promise=5))
    clock.forward(seconds=1)
    await shard.feed(make_record("promised", version=3, promise=5))
    await send()
    await send(seconds=40)
    _, first, again = mail_server.raw
    assert first == again


async def test_a_moved_date_names_the_one_told_before(shard, subscribe, make_record, send, mail_server):
    await subscribe()
    await shard.feed(make_record("promised", version=1, promise=5))
    await send()
    await shard.feed(make_record("promised", version=2, promise=9, first=5))
    await send()
    text = mail_server.mails[1].get_payload(0).get_payload(decode=True).decode()
    assert "now expected around Thu 3 Dec 2026. We had told you Sun 29 Nov 2026." in text
    assert "Very likely by: Sun 6 Dec 2026" in text
    assert "Our first estimate was: Sun 29 Nov 2026" in text


async def test_a_contact_that_is_gone_by_then_is_not_written_to(
    shard, outcomes, subscribe, make_record, send, mail_server, pool
):
    await subscribe()
    await shard.feed(make_record())
    await pool.execute("DELETE FROM contact WHERE audience = 'customer'")
    await send()
    assert mail_server.mails == []
    assert await outcomes() == [(1, "suppressed", "no-channel")]


async def test_a_contact_that_is_suspended_by_then_is_not_written_to(
    shard, outcomes, subscribe, make_record, send, mail_server, pool
):
    await subscribe()
    await shard.feed(make_record())
    await pool.execute("UPDATE contact SET suspended_at = now() WHERE audience = 'customer'")
    await send()
    assert mail_server.mails == []
    assert await outcomes() == [(1, "suppressed", "no-channel")]


async def test_a_sender_that_is_stopped_puts_back_what_it_has_not_tried(
    shard, subscribe, make_record, new_sender, clock, pool
):
    await subscribe()
    await shard.feed(*(make_record(line=str(n), order_id=f"SO-{n}") for n in range(3)))
    clock.forward(seconds=2)
    due = await pool.fetch("SELECT due_at FROM notification ORDER BY seq")
    sender = new_sender()
    await sender.turn(lambda: True)
    rows = await pool.fetch("SELECT status, attempts FROM notification")
    assert [tuple(row) for row in rows] == [("pending", 0)] * 3
    assert await pool.fetch("SELECT due_at FROM notification ORDER BY seq") == due
    assert await pool.fetchval("SELECT count(*) FROM message") == 0
