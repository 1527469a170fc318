"""What other lanes notice while a lane with 100,000 waiting lines is ranked by another policy.

The whole system runs; an order for another lane is published every tenth of a second, before and during the
change, and counts from its publication until its back order has a rank. Run:
python tests/benchmarks/bench_policy_change.py [LINES]
"""

import asyncio
import json
import sys
import tempfile
import time
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from aiokafka import AIOKafkaConsumer

from backorder_dev.local_run import LocalRun, running
from backorder_runtime.outbox import Wire
from backorder_runtime.publisher import Publisher
from backorder_runtime.settings import KafkaSettings
from priority_router import policy_topic
from priority_router.policy_file import default_text

PER_ORDER = 1_000
PLACED = datetime.now(UTC).isoformat()  # orders of a fixed day are overdue some days later, which is more work
PARTS = 64  # other lanes, so that every shard has some
TURNED = default_text().replace('"2026-11-24.1"', '"turned"').replace("'platinum', 'gold'", "'silver'")
TURNED = TURNED.replace("target: 72h", "target: 71h")


def order(order_id: str, part: str, lines: int, tier: str = "standard") -> Wire:
    """An order whose lines all lack stock."""
    many = [{"line_id": str(n), "part_id": part, "location_id": "W1", "quantity": 2} for n in range(lines)]
    event = {
        "order_id": order_id,
        "placed_at": PLACED,
        "customer": {"customer_id": f"C-{order_id}", "tier": tier},
        "lines": many,
    }
    return Wire("order-placed", order_id.encode(), json.dumps(event).encode(), ())


class Probes:
    """Orders for other lanes: when each was published, and when its back order was ranked."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self._sent: dict[str, float] = {}
        self.took: dict[str, float] = {}
        self.ranked = 0

    async def publish(self, name: str, stop: asyncio.Event) -> None:
        """One every tenth of a second until `stop` is set."""
        count = 0
        while not stop.is_set():
            order_id = f"{name}-{count}"
            self._sent[order_id] = time.monotonic()
            await self._publisher.publish([order(order_id, f"OTHER-{count % PARTS}", 1)])
            count += 1
            await asyncio.sleep(0.1)

    async def watch(self, kafka: str) -> None:
        """Note when back orders are ranked, until cancelled."""
        consumer = AIOKafkaConsumer("back-order-state", bootstrap_servers=kafka, auto_offset_reset="earliest")
        await consumer.start()
        try:
            async for record in consumer:
                if dict(record.headers)["ce_type"] != b"back-order.prioritised":
                    continue
                self.ranked += 1
                order_id = json.loads(record.value)["order_id"]
                if order_id in self._sent and order_id not in self.took:
                    self.took[order_id] = time.monotonic() - self._sent[order_id]
        finally:
            await consumer.stop()

    async def answered(self, name: str) -> list[float]:
        """The times of the probes of this name, when all are answered."""
        wanted = {order_id for order_id in self._sent if order_id.startswith(f"{name}-")}
        while not wanted <= self.took.keys():
            await asyncio.sleep(0.1)
        return sorted(self.took[order_id] for order_id in wanted)


async def measure(lines: int, run: LocalRun) -> None:
    """Fill the lane, measure before and during the change, and print both."""
    kafka = KafkaSettings(bootstrap_servers=run.endpoints().kafka)
    publisher = Publisher(kafka)
    probes = Probes(publisher)
    watching = asyncio.create_task(probes.watch(kafka.bootstrap_servers))
    tiers = ("gold", "silver", "standard", "standard", "standard")
    orders = [order(f"BIG-{n}", "BIG", PER_ORDER, tiers[n % 5]) for n in range(lines // PER_ORDER)]
    began = time.monotonic()
    await publisher.publish(orders)
    while probes.ranked < lines // PER_ORDER * PER_ORDER:
        await asyncio.sleep(0.2)
    say(f"{lines} lines wait in one lane (after {time.monotonic() - began:.0f} s)")
    say(await _row(probes, "before", asyncio.sleep(15)))
    await policy_topic.apply(kafka, "turned", TURNED, "bench", datetime.now(UTC))
    began = time.monotonic()
    say(await _row(probes, "while the lane is ranked anew", _ranked(run)))
    say(f"ranked anew after {time.monotonic() - began:.1f} s")
    watching.cancel()
    publisher.close()


async def _row(probes: Probes, name: str, until) -> str:
    stop = asyncio.Event()
    publishing = asyncio.create_task(probes.publish(name, stop))
    await until
    stop.set()
    await publishing
    took = await probes.answered(name)
    worst, usual = max(took), median(took)
    return f"  {name:<32} {len(took):>5} orders   median {usual * 1000:7.0f} ms   worst {worst * 1000:7.0f} ms"


async def _ranked(run: LocalRun) -> None:
    url = run.endpoints().services["priority-router"]["metrics"].removesuffix("/metrics") + "/policy"
    while True:
        answer = json.loads(await asyncio.to_thread(_get, url))
        if answer["version"] == "turned" and not answer["lanes_left"]:
            return
        await asyncio.sleep(0.3)


def _get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310
        return bytes(answer.read())


def say(text: str) -> None:
    """Print at once."""
    print(text, flush=True)


async def main(lines: int) -> None:
    """Start the system, measure, stop it."""
    with tempfile.TemporaryDirectory() as folder:
        async with running(Path(folder) / "run") as run:
            await measure(lines, run)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000))
