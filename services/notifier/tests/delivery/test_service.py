"""The service as it runs: a real broker, a real database, real mail; events in, mails and outcomes out."""

import asyncio
import os
import sys
from collections import Counter

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from backorder_contracts.notification import NotificationOutcome
from backorder_runtime.clock import utc_now
from notifier.wire import OUTCOME_TOPIC, STATE_TOPIC

PARTITIONS = 4


@pytest.fixture
def environment(broker, schema, mail_server):
    return {
        "BACKORDER_KAFKA__BOOTSTRAP_SERVERS": broker.bootstrap_servers,
        "BACKORDER_KAFKA__PARTITIONS": str(PARTITIONS),
        "BACKORDER_DATABASE__URL": schema,
        "BACKORDER_HTTP__HOST": "127.0.0.1",
        "BACKORDER_HTTP__PORT": "0",
        "BACKORDER_SMTP__PORT": str(mail_server.port),
        "BACKORDER_SMTP__STARTTLS": "false",
        "BACKORDER_SMTP__SENDER": "back-orders@parts.example",
        "BACKORDER_NOTIFY__WINDOW": "0.2",
        "BACKORDER_TEAM__EMAIL": "parts@example.com",
        "BACKORDER_ENGINE__GRACE": "5",
    }


@pytest.fixture
async def start(environment, pool):
    """Start the service in a process of its own."""
    await pool.execute("TRUNCATE shard, shard_input, outbox CASCADE")
    children = []

    async def start() -> asyncio.subprocess.Process:
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "notifier", env={**os.environ, **environment}, stdout=asyncio.subprocess.DEVNULL
        )
        children.append(child)
        return child

    yield start
    for child in children:
        if child.returncode is None:
            child.kill()
        await child.wait()


async def test_events_become_mails_and_outcomes_through_a_kill(
    start, environment, subscribe, make_record, mail_server, pool
):
    servers = environment["BACKORDER_KAFKA__BOOTSTRAP_SERVERS"]
    await subscribe("C-svc")
    orders = 40
    first, again = await start(), None
    producer = AIOKafkaProducer(bootstrap_servers=servers)
    consumer = AIOKafkaConsumer(OUTCOME_TOPIC, bootstrap_servers=servers, auto_offset_reset="earliest")
    await producer.start()
    await consumer.start()
    outcomes: dict[str, NotificationOutcome] = {}
    event_ids: Counter[str] = Counter()
    try:
        async with asyncio.timeout(120):
            for n in range(orders):
                record = make_record(
                    at=utc_now(),
                    line=f"svc-{n}",
                    order_id=f"SO-{n // 2}",
                    customer_id="C-svc" if n % 4 else "C-unknown",
                )
                headers = list(record.headers)
                # each event twice, as a relay that was restarted publishes it
                for _ in range(2):
                    await producer.send_and_wait(
                        STATE_TOPIC, record.value, key=record.key, partition=n % PARTITIONS, headers=headers
                    )
            while len(mail_server.mails) < 5:
                await asyncio.sleep(0.02)
            first.kill()
            await pool.execute("UPDATE message SET lease_until = now()")
            again = await start()
            while len(outcomes) < orders:
                for batch in (await consumer.getmany(timeout_ms=200)).values():
                    for each in batch:
                        outcome = NotificationOutcome.model_validate_json(each.value)
                        if not outcome.back_order_id.startswith("BO-svc-"):
                            continue  # other tests use the topic too
                        headers = {name: value.decode() for name, value in each.headers}
                        assert headers["ce_type"] == "notification.outcome"
                        assert outcomes.setdefault(outcome.notification_id, outcome) == outcome
                        event_ids[headers["ce_id"]] += 1
            again.terminate()
            assert await again.wait() == 0
    finally:
        await producer.stop()
        await consumer.stop()
    assert Counter(o.result for o in outcomes.values()) == {"sent": 30, "suppressed": 10}
    assert len(event_ids) == orders
    mails = [mail for mail in mail_server.mails if mail["To"] == "jo@customer.example"]
    copies = Counter(mail["Message-ID"] for mail in mails)
    assert sum(copies.values()) - len(copies) <= 2, "one for each sender task of the process that was killed"
    told = {name for mail in mails for name in mail.get_all("X-Backorder-Id")}
    assert told == {f"BO-svc-{n}" for n in range(orders) if n % 4}
