"""Pushes over real HTTP and a real database."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from notifier import metrics
from notifier.domain.model import Channel
from notifier.push import PushTransport, _wait
from notifier.sender import Sender
from notifier.settings import PushSettings
from notifier.store import MessageStore


@pytest.fixture
async def transport():
    transport = PushTransport(PushSettings(allow_private=True, timeout=2))
    yield transport
    await transport.close()


@pytest.fixture
def push(pool, settings, clock, transport):
    """Let the window pass and push all that is due."""

    async def push(seconds: float = 2, by: PushTransport = transport) -> None:
        clock.forward(seconds=seconds)
        while await Sender(MessageStore(pool, Channel.PUSH), by, settings.notify, clock).turn():
            pass

    return push


async def test_a_push_says_what_happened_and_what_it_is_about(shard, subscribe, make_record, push, endpoint):
    await subscribe(email=None, push=endpoint.url)
    await shard.feed(make_record("promised", version=3, promise=6))
    await push()
    [request] = endpoint.pushed
    assert (request.method, request.path) == ("POST", "/device/token-4711")
    assert request.headers["host"] == f"127.0.0.1:{endpoint.port}"
    assert request.body == {
        "title": "Order SO-1001: when BRK-204 is expected",
        "body": "What is missing is expected around Mon 30 Nov 2026.",
        "order_id": "SO-1001",
        "back_order_id": "BO-1",
        "version": 3,
        "event_type": "back-order.promised",
        "collapse_key": "BO-1",
        "events": [{"back_order_id": "BO-1", "version": 3, "event_type": "back-order.promised"}],
    }
    [outcome] = await shard.feed()
    assert (outcome["result"], outcome["channel"]) == ("sent", "push")
    assert request.headers["idempotency-key"] == outcome["notification_id"] == outcome["message_id"]


async def test_several_lines_of_an_order_are_one_push(shard, subscribe, make_record, push, endpoint):
    await subscribe(email=None, push=endpoint.url)
    await shard.feed(*(make_record(line=str(n)) for n in range(20)))
    await push()
    [request] = endpoint.pushed
    assert (request.body["back_order_id"], request.body["collapse_key"]) == (None, "SO-1001")
    assert len(request.body["events"]) == 20
    assert len(await shard.feed()) == 20


async def test_the_endpoint_says_when_to_come_back(shard, outcomes, subscribe, make_record, push, endpoint):
    await subscribe(email=None, push=endpoint.url)
    endpoint.script.append((429, {"retry-after": "600"}))
    await shard.feed(make_record())
    await push()
    await push(seconds=599)
    assert len(endpoint.pushed) == 1
    await push(seconds=2)
    assert len(endpoint.pushed) == 2
    assert await outcomes() == [(1, "sent", None)]


def test_retry_after_is_seconds_or_a_date():
    assert _wait("120") == timedelta(seconds=120)
    assert _wait("99999999999999999999") == timedelta(days=1)
    soon = datetime.now(UTC) + timedelta(hours=2)
    assert timedelta(minutes=119) < (_wait(format_datetime(soon)) or timedelta()) <= timedelta(hours=2)
    assert _wait(format_datetime(datetime.now(UTC) - timedelta(hours=2))) == timedelta(0)
    for nonsense in (None, "soon", "", "-5", "1e9", "²"):
        assert _wait(nonsense) is None


@pytest.mark.parametrize("status", [404, 410])
async def test_a_token_that_is_dead_is_forgotten(shard, outcomes, subscribe, make_record, push, endpoint, pool, status):
    await subscribe(push=endpoint.url)
    endpoint.script.append((status, {}))
    await shard.feed(make_record())
    await push()
    assert await outcomes() == [(1, "failed", f"push-{status}")]
    row = await pool.fetchrow("SELECT email, push_url FROM contact WHERE audience = 'customer'")
    assert tuple(row) == ("jo@customer.example", None)


async def test_a_new_token_is_kept_when_the_old_one_dies(
    shard, subscribe, make_record, push, endpoint, pool, transport
):
    await subscribe(push=endpoint.url)
    await shard.feed(make_record())

    class Meanwhile(PushTransport):
        async def deliver(self, *arguments):
            await pool.execute("UPDATE contact SET push_url = 'https://new.example/' WHERE audience = 'customer'")
            return await transport.deliver(*arguments)

    endpoint.script.append((410, {}))
    other = Meanwhile(PushSettings(allow_private=True))
    await push(by=other)
    await other.close()
    assert await pool.fetchval("SELECT push_url FROM contact WHERE audience = 'customer'") == "https://new.example/"


@pytest.mark.parametrize("status", [400, 401, 403, 413])
async def test_a_refusal_is_final(shard, outcomes, subscribe, make_record, push, endpoint, status):
    await subscribe(email=None, push=endpoint.url)
    endpoint.script.append((status, {}))
    await shard.feed(make_record())
    await push()
    assert await outcomes() == [(1, "failed", f"push-{status}")]


async def test_a_redirect_is_not_followed(shard, outcomes, subscribe, make_record, push, endpoint):
    await subscribe(email=None, push=endpoint.url)
    endpoint.script.append((307, {"location": f"http://127.0.0.1:{endpoint.port}/elsewhere"}))
    await shard.feed(make_record())
    await push()
    assert [request.path for request in endpoint.pushed] == ["/device/token-4711"]
    assert await outcomes() == [(1, "failed", "push-307")]


@pytest.mark.parametrize("answer", ["drop", (500, {}), (502, {})])
async def test_an_unclear_answer_repeats_the_same_push_with_the_same_key(
    shard, subscribe, make_record, push, endpoint, answer
):
    await subscribe(email=None, push=endpoint.url)
    before = metrics.AMBIGUOUS.labels("push")._value.get()
    endpoint.script.append(answer)
    await shard.feed(make_record())
    await push()
    await shard.feed(make_record("promised", version=2, promise=3))
    await push(seconds=40)
    await push()
    first, again, newer = endpoint.pushed
    assert first.body == again.body
    assert first.headers["idempotency-key"] == again.headers["idempotency-key"] != newer.headers["idempotency-key"]
    assert metrics.AMBIGUOUS.labels("push")._value.get() == before + 1


async def test_an_endpoint_that_is_not_there_is_tried_again(shard, subscribe, make_record, push, endpoint, pool):
    await subscribe(email=None, push="http://127.0.0.1:1/x")
    await shard.feed(make_record())
    await push()
    assert await shard.feed() == []
    await pool.execute("UPDATE contact SET push_url = $1 WHERE audience = 'customer'", endpoint.url)
    await push(seconds=40)
    [outcome] = await shard.feed()
    assert (outcome["result"], outcome["attempts"]) == ("sent", 2)


async def test_a_private_address_is_never_called(shard, outcomes, subscribe, make_record, push, endpoint):
    await subscribe(email=None, push=endpoint.url)
    await shard.feed(make_record())
    careful = PushTransport(PushSettings())
    await push(by=careful)
    await careful.close()
    assert endpoint.pushed == []
    assert await outcomes() == [(1, "failed", "push-blocked")]


async def test_a_name_that_changes_its_mind_is_called_where_it_was_checked(
    shard, subscribe, make_record, push, endpoint
):
    """DNS rebinding: the second answer would lead elsewhere, so there is no second question."""
    answers = ["127.0.0.1", "127.0.0.99"]
    asked = []

    async def rebinding(host: str, _port: int) -> list[str]:
        asked.append(host)
        return [answers.pop(0)]

    await subscribe(email=None, push=f"http://push.example:{endpoint.port}/t")
    await shard.feed(make_record())
    transport = PushTransport(PushSettings(allow_private=True), resolver=rebinding)
    await push(by=transport)
    await transport.close()
    assert asked == ["push.example"]
    assert [request.headers["host"] for request in endpoint.pushed] == [f"push.example:{endpoint.port}"]


async def test_an_endless_answer_is_cut_off(shard, subscribe, make_record, push, endpoint):
    await subscribe(email=None, push=endpoint.url)
    endpoint.script.append("endless")
    await shard.feed(make_record())
    await push()
    [outcome] = await shard.feed()
    assert outcome["result"] == "sent"
