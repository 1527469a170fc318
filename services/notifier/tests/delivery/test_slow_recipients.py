"""A recipient at whom the server does not answer, or hangs up: whose fault that is, and whom it costs what."""

import pytest

SLOW, OTHER = "slow@customer.example", "jo@customer.example"


@pytest.fixture
def announce(shard, subscribe, make_record):
    """News for these addresses, each of a customer of its own, in this order."""

    async def announce(*addresses: str) -> None:
        for number, address in enumerate(addresses):
            await subscribe(f"C-{number}", address)
            await shard.feed(make_record(line=str(number), order_id=f"SO-{number}", customer_id=f"C-{number}"))

    return announce


@pytest.fixture
def sender(new_sender):
    return new_sender(timeout=0.3)


@pytest.fixture
def tries(pool):
    """How often the news of each order was tried."""

    async def tries() -> list[int]:
        rows = await pool.fetch("SELECT attempts FROM notification ORDER BY order_id")
        return [row["attempts"] for row in rows]

    return tries


async def rounds(sender):
    """Turn until there is nothing to do, or nothing can be done; then rest, as between two rounds."""
    busy = 0
    while await sender.turn():
        busy += 1
    await sender._transport.rest()
    return busy


@pytest.mark.parametrize("failure", ["silence", "drop"])
async def test_a_recipient_at_whom_the_server_breaks_holds_up_nobody_else(
    announce, sender, mail_server, clock, tries, failure
):
    mail_server.breaks_at[SLOW] = failure
    await announce(SLOW, OTHER)
    clock.forward(seconds=2)
    await rounds(sender)
    assert [mail["To"] for mail in mail_server.mails] == [OTHER]
    assert await tries() == [1, 1]


async def test_it_is_tried_again_later_and_later_and_goes_out_when_the_server_answers(
    announce, sender, mail_server, clock, outcomes
):
    mail_server.breaks_at[SLOW] = "drop"
    await announce(SLOW)
    for seconds in (2, 20, 20, 40, 40):
        clock.forward(seconds=seconds)
        await rounds(sender)
    assert mail_server.asked == [SLOW] * 3
    mail_server.breaks_at.clear()
    clock.forward(seconds=150)
    await rounds(sender)
    assert await outcomes() == [(1, "sent", None)]


async def test_what_no_server_ever_answered_for_expires_with_that_reason(
    announce, sender, mail_server, clock, outcomes
):
    mail_server.breaks_at[SLOW] = "drop"
    await announce(SLOW)
    clock.forward(seconds=48 * 3600 - 60)
    await rounds(sender)
    clock.forward(seconds=55)
    await rounds(sender)
    assert await outcomes() == [(1, "expired", "smtp-no-answer")]


async def test_a_server_that_breaks_at_every_recipient_costs_one_message_a_try_and_then_rests(
    announce, sender, mail_server, clock, tries
):
    addresses = [f"{n}@customer.example" for n in range(4)]
    mail_server.breaks_at.update(dict.fromkeys(addresses, "drop"))
    await announce(*addresses)
    clock.forward(seconds=2)
    assert await rounds(sender) == 0
    assert sender._outage > 0
    assert await tries() == [1, 0, 0, 0]
    assert mail_server.asked == addresses[:2]


async def test_a_server_that_goes_down_at_a_recipient_costs_that_message_a_try_and_no_other(
    announce, sender, mail_server, clock, tries
):
    mail_server.breaks_at[SLOW] = "down"
    await announce(SLOW, OTHER, "al@customer.example")
    clock.forward(seconds=2)
    assert await rounds(sender) == 0
    assert await tries() == [1, 0, 0]


async def test_several_slow_recipients_are_passed_one_after_the_other(announce, sender, mail_server, clock):
    slow = [f"{n}@slow.example" for n in range(3)]
    mail_server.breaks_at.update(dict.fromkeys(slow, "drop"))
    await announce(*slow, OTHER)
    clock.forward(seconds=2)
    for _ in slow:
        await rounds(sender)
    assert [mail["To"] for mail in mail_server.mails] == [OTHER]


async def test_a_recipient_of_many_messages_is_asked_for_once_and_is_no_sign_that_the_server_is_broken(
    announce, sender, mail_server, clock, tries
):
    mail_server.breaks_at[SLOW] = "drop"
    await announce(SLOW, SLOW, SLOW, OTHER)
    clock.forward(seconds=2)
    await rounds(sender)
    assert mail_server.asked == [SLOW, OTHER]
    assert await tries() == [1, 1, 1, 1]
