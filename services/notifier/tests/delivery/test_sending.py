"""Messages over a real mail server and a real database."""

from datetime import timedelta

from notifier.domain.model import Channel
from notifier.sender import Sender
from notifier.smtp import SmtpTransport
from notifier.store import MessageStore


async def test_a_message_goes_out_and_is_accounted_for_once(shard, subscribe, make_record, send, mail_server, clock):
    await subscribe()
    await shard.feed(make_record())
    await send()
    [mail] = mail_server.mails
    assert mail["To"] == "jo@customer.example"
    [outcome] = await shard.feed()
    assert (outcome["result"], outcome["attempts"], outcome["delay_seconds"]) == ("sent", 1, 2.0)
    assert outcome["message_id"] == mail["Message-ID"] == f"<{outcome['notification_id']}@parts.example>"
    await send()
    assert (len(mail_server.mails), await shard.feed()) == (1, [])


async def test_nothing_goes_out_before_the_window_has_passed(shard, subscribe, make_record, send, mail_server):
    await subscribe()
    await shard.feed(make_record())
    await send(seconds=1.9)
    assert mail_server.mails == []


async def test_fifty_lines_of_an_order_are_one_mail(shard, outcomes, subscribe, make_record, send, mail_server):
    await subscribe()
    await shard.feed(*(make_record(line=str(n), part_id=f"P-{n}") for n in range(1, 51)))
    await send()
    [mail] = mail_server.mails
    assert mail["Subject"] == "Order SO-1001: news about 50 parts"
    text = mail.get_payload(0).get_payload(decode=True).decode()
    assert all(f"Part P-{n} (order line {n})" in text for n in range(1, 51))
    assert [o[1] for o in await outcomes()] == ["sent"] * 50


async def test_orders_and_recipients_are_not_mixed(shard, subscribe, make_record, send, mail_server):
    await subscribe()
    await subscribe("C-18", "al@other.example")
    await shard.feed(
        make_record(line="1"), make_record(line="2", order_id="SO-2"), make_record(line="3", customer_id="C-18")
    )
    await send()
    assert sorted(mail["To"] for mail in mail_server.mails) == ["al@other.example"] + ["jo@customer.example"] * 2


async def test_more_lines_than_fit_go_in_several_mails(
    shard, subscribe, make_record, pool, settings, clock, mail_server
):
    few = settings.notify.model_copy(update={"lines": 4})
    smtp = settings.smtp.model_copy(update={"port": mail_server.port})
    sender = Sender(MessageStore(pool, Channel.EMAIL), SmtpTransport(smtp), few, clock)
    await subscribe()
    await shard.feed(*(make_record(line=str(n)) for n in range(1, 11)))
    clock.forward(seconds=2)
    while await sender.turn():
        pass
    await sender._transport.rest()
    assert len(mail_server.mails) == 3
    assert len({mail["Message-ID"] for mail in mail_server.mails}) == 3
    assert len(await shard.feed()) == 10


async def test_one_connection_serves_a_batch(shard, subscribe, make_record, send, mail_server):
    await subscribe()
    await shard.feed(*(make_record(line=str(n), order_id=f"SO-{n}") for n in range(5)))
    await send()
    assert (len(mail_server.mails), len(mail_server.sessions)) == (5, 1)


async def test_a_temporary_refusal_is_tried_again_later(shard, subscribe, make_record, send, mail_server):
    await subscribe()
    mail_server.on_rcpt.append("451 4.7.1 greylisted")
    await shard.feed(make_record())
    await send()
    await send(seconds=20)
    assert mail_server.mails == []
    await send(seconds=20)
    assert len(mail_server.mails) == 1
    [outcome] = await shard.feed()
    assert (outcome["result"], outcome["attempts"]) == ("sent", 2)


async def test_news_that_waits_out_a_refusal_is_due_when_its_wait_is_over(
    shard, subscribe, make_record, send, mail_server, pool
):
    # else each sender looks through all of it, four times a second, while a server puts everybody off
    await subscribe()
    mail_server.on_rcpt.append("450 4.2.0 busy")
    await shard.feed(make_record())
    await send()
    due_at, wait = await pool.fetchrow(
        "SELECT n.due_at, m.lease_until FROM notification n JOIN message m USING (audience, recipient_id, channel, order_id)"
    )
    assert due_at == wait


async def test_a_temporary_refusal_of_the_content_is_tried_again_too(
    shard, outcomes, subscribe, make_record, send, mail_server
):
    await subscribe()
    mail_server.on_data.append("452 4.3.1 disk full")
    await shard.feed(make_record())
    await send()
    await send(seconds=40)
    assert len(mail_server.mails) == 1
    assert await outcomes() == [(1, "sent", None)]


async def test_news_that_comes_meanwhile_waits_with_it_and_replaces_it(
    shard, outcomes, subscribe, make_record, send, mail_server
):
    await subscribe()
    mail_server.on_rcpt.append("451 later")
    await shard.feed(make_record())
    await send()
    await shard.feed(make_record("promised", version=2, promise=4), make_record("opened", line="2"))
    await send(seconds=5)
    assert mail_server.mails == []
    await send(seconds=40)
    assert len(mail_server.mails) == 1
    assert await outcomes() == [(1, "sent", None), (1, "suppressed", "superseded"), (2, "sent", None)]


async def test_a_server_that_never_takes_it_is_given_up_after_two_days(
    shard, subscribe, make_record, send, mail_server, clock
):
    await subscribe()
    mail_server.on_rcpt.extend(["450 mailbox busy"] * 200)
    await shard.feed(make_record())
    await send()
    outcome, began = [], clock.now
    while not outcome:
        await send(seconds=900)
        outcome = await shard.feed()
        assert clock.now - began < timedelta(hours=49)
    assert (outcome[0]["result"], outcome[0]["reason"]) == ("expired", "smtp-450")
    assert clock.now - began > timedelta(hours=46)
    assert 40 < outcome[0]["attempts"] < 80


async def test_what_became_too_old_while_nobody_sent_is_not_sent(
    shard, outcomes, subscribe, make_record, send, mail_server
):
    await subscribe()
    mail_server.on_data.append("drop")
    await shard.feed(make_record("opened"))
    await send()
    await shard.feed(make_record(line="2", order_id="SO-2"))
    await send(seconds=49 * 3600)
    assert len(mail_server.mails) == 1, "of which nobody knows whether it got through"
    assert await outcomes() == [(1, "expired", "too-old"), (1, "expired", "unconfirmed")]


async def test_a_final_refusal_fails_and_the_address_is_suspended_after_three(
    shard, outcomes, subscribe, make_record, send, mail_server, pool
):
    await subscribe()
    mail_server.on_rcpt.extend(["550 5.1.1 no such user"] * 3)
    for n in range(3):
        await shard.feed(make_record(order_id=f"SO-{n}", line=str(n)))
        await send()
        assert await outcomes() == [(1, "failed", "smtp-550")] * (n + 1)
    [outcome] = await shard.feed(make_record(line="9"))
    assert (outcome["result"], outcome["reason"]) == ("suppressed", "no-channel")


async def test_a_delivery_forgives_earlier_bounces(shard, subscribe, make_record, send, mail_server, pool):
    await subscribe()
    mail_server.on_rcpt.append("550 no")
    for n in range(2):
        await shard.feed(make_record(order_id=f"SO-{n}", line=str(n)))
        await send()
    assert await pool.fetchval("SELECT hard_bounces FROM contact WHERE audience = 'customer'") == 0


async def test_a_refused_content_does_not_suspend_the_address(
    shard, outcomes, subscribe, make_record, send, mail_server, pool
):
    await subscribe()
    mail_server.on_data.append("554 spam")
    await shard.feed(make_record())
    await send()
    assert await outcomes() == [(1, "failed", "smtp-554")]
    assert await pool.fetchval("SELECT hard_bounces FROM contact WHERE audience = 'customer'") == 0


async def test_a_refusal_that_means_us_fails_and_does_not_suspend_the_address(
    shard, outcomes, subscribe, make_record, send, mail_server, pool
):
    await subscribe()
    mail_server.on_rcpt.extend(["554 5.7.1 relay access denied"] * 3)
    for n in range(3):
        await shard.feed(make_record(order_id=f"SO-{n}", line=str(n)))
        await send()
    assert await outcomes() == [(1, "failed", "smtp-554")] * 3
    row = await pool.fetchrow("SELECT hard_bounces, suspended_at FROM contact WHERE audience = 'customer'")
    assert tuple(row) == (0, None)


async def test_mail_is_not_sent_in_the_clear_unless_that_is_wanted(
    shard, subscribe, make_record, new_sender, clock, mail_server
):
    await subscribe()
    await shard.feed(make_record())
    clock.forward(seconds=2)
    assert not await new_sender(starttls=True).turn()
    assert mail_server.mails == []


async def test_a_server_that_refuses_the_sender_costs_no_message_a_try(
    shard, subscribe, make_record, send, mail_server
):
    await subscribe()
    mail_server.on_mail.append("550 who are you")
    await shard.feed(make_record())
    await send()
    await send()
    [outcome] = await shard.feed()
    assert (outcome["result"], outcome["attempts"]) == ("sent", 1)


async def test_no_server_costs_no_message_a_try(shard, outcomes, subscribe, make_record, new_sender, send, clock, pool):
    await subscribe()
    await shard.feed(make_record())
    clock.forward(seconds=2)
    nobody = new_sender(port=1)
    assert not await nobody.turn()
    assert nobody._outage > 0
    row = await pool.fetchrow("SELECT status, attempts FROM notification")
    assert tuple(row) == ("pending", 0)
    await send()
    assert await outcomes() == [(1, "sent", None)]
