"""Senders that are killed at every point around the window in which a message may double."""

import asyncio
import random
import sys
from collections import Counter
from pathlib import Path

import pytest

from backorder_runtime.clock import utc_now

CHILD = Path(__file__).with_name("crashing_sender.py")
LEASE = 301  # seconds: one more than a lease lasts


@pytest.mark.parametrize("seed", [1, 2])
async def test_a_killed_sender_doubles_at_most_the_message_it_was_sending(
    shard, subscribe, make_record, pool, schema, clock, mail_server, seed
):
    rng = random.Random(seed)
    await subscribe()
    clock.now = utc_now()
    orders = 25
    await shard.feed(*(make_record(line=str(n), order_id=f"SO-{n}") for n in range(orders)))
    moments, ahead = ["before", "after", rng.choice(["before", "after"])], 3.0
    rng.shuffle(moments)
    for moment in moments:
        fatal = len(mail_server.mails) + rng.randint(1, 6)
        await _send_until_killed(mail_server, fatal, moment, schema, ahead)
        ahead += LEASE
    await _send_all(pool, schema, mail_server.port, ahead)
    clock.now = utc_now()
    clock.forward(seconds=ahead + 10)
    published = await shard.feed()
    assert Counter(o["result"] for o in published) == {"sent": orders}
    assert len({o["notification_id"] for o in published}) == orders
    copies = Counter(mail["Message-ID"] for mail in mail_server.mails)
    assert len(copies) == orders
    assert moments.count("before") <= sum(copies.values()) - orders <= len(moments)
    bodies = {(mail["Message-ID"], raw) for mail, raw in zip(mail_server.mails, mail_server.raw, strict=True)}
    assert len(bodies) == orders, "a repeated message says the same as the first"


async def _start(schema: str, port: int, ahead: float) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, str(CHILD), schema, str(port), str(ahead), stdout=asyncio.subprocess.DEVNULL
    )


async def _send_until_killed(box, fatal: int, moment: str, schema: str, ahead: float) -> None:
    """Kill a sender at its mail number `fatal`: before it hears 250, or in the instant after."""
    arrived = asyncio.Event()

    async def arrival() -> None:
        if len(box.mails) < fatal or child.returncode is not None:
            return
        if moment == "before":
            child.kill()
        arrived.set()

    box.on_arrival = arrival
    child = await _start(schema, box.port, ahead)
    async with asyncio.timeout(30):
        await arrived.wait()
        if child.returncode is None:
            child.kill()
        await child.wait()
    box.on_arrival = None


async def _send_all(pool, schema: str, port: int, ahead: float) -> None:
    child = await _start(schema, port, ahead)
    try:
        async with asyncio.timeout(60):
            while await pool.fetchval("SELECT count(*) FROM notification WHERE finished_at IS NULL"):
                await asyncio.sleep(0.05)
    finally:
        child.terminate()
        await child.wait()
