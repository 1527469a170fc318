"""Whom a mail server means when it refuses a recipient for good: him, or us. No database takes part."""

import pytest

from notifier.delivery import Rejected
from notifier.domain.calendar import Calendar
from notifier.domain.compose import News, compose
from notifier.domain.model import Audience, Channel, Recipient
from notifier.smtp import SmtpTransport
from notifier.store import Leased, Times


@pytest.fixture
def deliver(mail_server, settings, make_state, clock):
    """Try to send one mail; how that ended."""

    async def deliver():
        news = News("N-1", "back-order.opened", make_state())
        message = Leased(
            message_id="M-1", epoch=1, recipient=Recipient(Audience.CUSTOMER, "C-17"), channel=Channel.EMAIL, tries=1,
            refusals=0, unsure=False, news=[news], times={"N-1": Times(clock(), clock(), clock())},
        )  # fmt: skip
        transport = SmtpTransport(settings.smtp.model_copy(update={"port": mail_server.port}))
        letter = compose(Audience.CUSTOMER, [news], {}, Calendar())
        ended = await transport.deliver(message, "jo@customer.example", letter, _always)
        await transport.rest()
        return ended

    return deliver


async def _always() -> bool:
    return True


@pytest.mark.parametrize(
    "answer",
    [
        "550 5.1.1 no such user",
        "550 no such user",
        "551 5.1.6 moved",
        "552 5.2.2 mailbox full",
        "553 5.1.3 bad address",
        "550 5.4.1 recipient address rejected",
    ],
)
async def test_a_refusal_of_the_address_counts_against_it(deliver, mail_server, answer):
    mail_server.on_rcpt.append(answer)
    assert await deliver() == Rejected(f"smtp-{answer[:3]}", bounced=True)


@pytest.mark.parametrize(
    "answer",
    [
        "550 5.7.1 rejected by policy",
        "554 5.7.1 relay access denied",
        "550 5.7.26 no SPF",
        "530 5.7.0 must issue STARTTLS first",
        "530 authentication required",
        "503 AUTH first",
        "553 5.1.8 sender address rejected",
        "550 5.1.7 bad sender",
    ],
)
async def test_a_refusal_that_means_us_does_not_count_against_the_address(deliver, mail_server, answer):
    mail_server.on_rcpt.append(answer)
    assert await deliver() == Rejected(f"smtp-{answer[:3]}", bounced=False)
