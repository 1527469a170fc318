"""Everything at once, from a seed: bursts, repetitions, unwilling servers, senders that vanish between any two steps."""

import asyncio
import random
from collections import Counter, defaultdict

import pytest

from notifier.domain.model import Audience, Channel
from notifier.domain.table import rules
from notifier.housekeeping import tidy
from notifier.push import PushTransport
from notifier.sender import Sender
from notifier.settings import PushSettings
from notifier.smtp import SmtpTransport
from notifier.store import MessageStore
from notifier.wire import read_state

HAPPENINGS = (
    "opened", "promised", "promised", "promised", "shipped", "held", "resumed", "at-risk", "breached", "cancel-refused",
    "revoked", "released", "prioritised",
)  # fmt: skip


class Vanished(BaseException):
    """The process is gone: nothing after this line happens."""


class Mortal(MessageStore):
    """A store whose process may end before or after each of its transactions."""

    rng: random.Random
    deaths: Counter[str]

    def __getattribute__(self, name):
        found = super().__getattribute__(name)
        if name not in {"lease", "mark_sending", "hold", "wait", "finish", "drop"}:
            return found

        async def perhaps(*arguments, **named):
            self._perhaps_die(f"before {name}")
            answer = await found(*arguments, **named)
            self._perhaps_die(f"after {name}")
            return answer

        return perhaps

    def _perhaps_die(self, where: str) -> None:
        if self.rng.random() < 0.03:
            self.deaths[where] += 1
            raise Vanished


@pytest.fixture
def history(make_record):
    """The events of eight back orders of three customers, in their order, from a seed."""

    def make(rng: random.Random):
        return [
            make_record(
                "opened" if version == 1 else rng.choice(HAPPENINGS[1:]),
                line=str(line),
                version=version,
                order_id=f"SO-{line % 3}",
                customer_id=f"C-{line % 3}",
                promise=rng.choice([None, 3, 4, 5]),
                service_impact=rng.choice(["none", "down"]),
            )
            for version in range(1, 6)
            for line in range(8)
        ]

    return make


@pytest.mark.parametrize("seed", range(5))
async def test_every_notification_ends_once_and_doubles_are_within_the_bound(
    shard, subscribe, history, pool, settings, clock, mail_server, endpoint, forget, seed
):
    rng = random.Random(seed)
    deaths: Counter[str] = Counter()
    await subscribe("C-0", push=endpoint.url)
    await subscribe("C-1")
    events = history(rng)
    left = list(events)
    smtp = settings.smtp.model_copy(update={"port": mail_server.port, "timeout": 2})
    push = PushTransport(PushSettings(allow_private=True))

    def new_sender(channel: Channel) -> Sender:
        store = Mortal(pool, channel)
        store.rng, store.deaths = rng, deaths
        return Sender(store, SmtpTransport(smtp) if channel is Channel.EMAIL else push, settings.notify, clock)

    while left or await pool.fetchval("SELECT count(*) FROM notification WHERE finished_at IS NULL"):
        batch = left[: rng.randint(0, 6)]
        left = left[len(batch) :]
        await shard.feed(*batch, *rng.sample(batch, len(batch) // 2))
        mail_server.on_rcpt.extend(rng.choices(["451 later", "550 never", "250 OK"], [1, 0.2, 6], k=3))
        mail_server.on_data.extend(rng.choices(["452 full", "drop", "250 OK"], [1, 1, 6], k=3))
        endpoint.script.extend(rng.choices([(429, {"retry-after": "5"}), (500, {}), (202, {})], [1, 1, 6], k=3))
        clock.forward(seconds=rng.choice([0.5, 2, 30, 400]))
        channels = (Channel.EMAIL, Channel.EMAIL, Channel.PUSH)
        await asyncio.gather(*(_turn(new_sender(channel)) for channel in channels))
        await tidy(pool, clock.now)
        await forget(pool, clock.now)
    await shard.feed()
    await push.close()

    assert await shard.feed() == []
    rows = await pool.fetch("SELECT * FROM notification ORDER BY seq")
    _each_event_is_accounted_for(shard, events, rows)
    _mails_are_right(mail_server, rows, deaths)


async def _turn(sender: Sender) -> None:
    try:
        await sender.turn()
        await sender._transport.rest()
    except Vanished:
        if isinstance(sender._transport, SmtpTransport):
            sender._transport._close()


def _each_event_is_accounted_for(shard, events, rows) -> None:
    outcomes = Counter(o["notification_id"] for o in shard.published)
    assert {row["notification_id"] for row in rows} <= set(outcomes)
    assert set(outcomes.values()) == {1}
    states = [read_state(record) for record in events]
    expected = {
        (event.event_id, event.state.customer_id if rule.audience is Audience.CUSTOMER else "parts-desk")
        for event in states
        for rule in rules(event.event_type, event.state)
    }
    assert {(o["event_id"], o["recipient"]) for o in shard.published} == expected


def _mails_are_right(mail_server, rows, deaths) -> None:
    told = defaultdict(list)
    for row in rows:
        if row["channel"] == "email" and row["message_id"]:
            told[f"<{row['message_id']}@parts.example>"].append(row)
    copies = Counter(mail["Message-ID"] for mail in mail_server.mails)
    doubles = sum(copies.values()) - len(copies)
    assert doubles <= deaths["before finish"] + deaths["after mark_sending"] + mail_server.dropped
    assert len(
        {(mail["Message-ID"], raw) for mail, raw in zip(mail_server.mails, mail_server.raw, strict=True)}
    ) == len(copies)
    sent = {name for name, members in told.items() if any(row["status"] == "sent" for row in members)}
    assert sent <= set(copies)
    newest: dict[tuple[str, str], int] = {}
    for name in dict.fromkeys(mail["Message-ID"] for mail in mail_server.mails):
        for row in told[name]:
            key = (row["recipient_id"], row["back_order_id"])
            assert row["kind"] == "answer" or row["version"] >= newest.get(key, 0)
        for row in told[name]:
            key = (row["recipient_id"], row["back_order_id"])
            newest[key] = max(newest.get(key, 0), row["version"])
