"""A canary: an address that shows up anywhere but in the message itself."""

import logging
from datetime import timedelta

import pytest
from msgspec.json import encode
from prometheus_client import generate_latest

from notifier.domain.model import Channel
from notifier.housekeeping import tidy
from notifier.push import PushTransport
from notifier.sender import Sender
from notifier.settings import PushSettings
from notifier.smtp import SmtpTransport
from notifier.store import MessageStore

CANARIES = ("canary", "token-4711", "parts@example.com")


@pytest.mark.parametrize(
    ("smtp_answer", "push_answer"),
    [
        ("250 canary@customer.example is welcome", (202, {})),
        ("550 canary@customer.example is unknown", (410, {"x-token": "token-4711"})),
        ("450 canary@customer.example is busy", (429, {"retry-after": "token-4711"})),
        ("drop", "drop"),
    ],
)
async def test_no_address_leaves_the_database(
    shard,
    subscribe,
    make_record,
    pool,
    settings,
    clock,
    mail_server,
    endpoint,
    capfd,
    caplog,
    smtp_answer,
    push_answer,
    forget,
):
    caplog.set_level(logging.DEBUG)
    await subscribe(email="canary@customer.example", push=endpoint.url)
    smtp = settings.smtp.model_copy(update={"port": mail_server.port, "timeout": 2})
    push = PushTransport(PushSettings(allow_private=True))
    senders = [
        Sender(MessageStore(pool, Channel.EMAIL), SmtpTransport(smtp), settings.notify, clock),
        Sender(MessageStore(pool, Channel.PUSH), push, settings.notify, clock),
    ]
    if smtp_answer == "drop":
        mail_server.on_data.extend(["drop", "drop"])
    else:
        mail_server.on_rcpt.extend([smtp_answer] * 4)
    endpoint.script.extend([push_answer] * 2)
    await shard.feed(make_record(service_impact="down"), make_record(line="2", order_id="SO-2"))
    for _ in range(3):
        clock.forward(seconds=60)
        for sender in senders:
            while await sender.turn():
                pass
            await sender._transport.rest()
        await shard.feed()
    await tidy(pool, clock.forward(days=3))
    await forget(pool, clock.now + timedelta(days=90))
    await shard.feed()
    await push.close()
    assert len(shard.published) >= 4
    assert len(endpoint.pushed) >= 2
    said = capfd.readouterr()
    # all but the test's own mail server
    logged = "\n".join(record.getMessage() for record in caplog.records if record.name != "mail.log")
    everything = "\n".join([
        said.out, said.err, logged, generate_latest().decode(), *(encode(o).decode() for o in shard.published),
    ])  # fmt: skip
    assert "message ended" in everything
    assert [canary for canary in CANARIES if canary in everything] == []
