"""How long a customer's order waits for its answer: the whole system at a steady load, measured from outside.

Open loop: every event is published at its scheduled time, whatever the system does, and a latency counts from
that time. Run: python tests/benchmarks/bench_latency.py [--rate LINES_PER_SECOND] [--seconds SECONDS]
"""

import argparse
import asyncio
import json
import platform
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer

from backorder_dev.local_run import LocalRun
from backorder_runtime.outbox import Wire
from backorder_runtime.publisher import Publisher
from backorder_runtime.settings import KafkaSettings

PARTS = 400


class Watch:
    """When each awaited thing was scheduled, and when it was seen."""

    def __init__(self) -> None:
        self.counts_from = 0.0  # what was scheduled before, while the broker warms up, is not counted
        self.scheduled: dict[tuple[str, str], float] = {}
        self.latencies: dict[str, list[float]] = {"opened": [], "allocated": [], "released": []}

    def await_(self, kind: str, name: str, at: float) -> None:
        self.scheduled[kind, name] = at

    def saw(self, kind: str, name: str) -> None:
        at = self.scheduled.pop((kind, name), None)
        if at is not None and at >= self.counts_from:
            self.latencies[kind].append(time.time() - at)


async def watch(kafka: str, watch: Watch, ready: asyncio.Event) -> None:
    consumer = AIOKafkaConsumer("back-order-state", bootstrap_servers=kafka, auto_offset_reset="latest")
    await consumer.start()
    await consumer.seek_to_end()
    ready.set()
    try:
        async for record in consumer:
            kind = dict(record.headers)["ce_type"].decode().removeprefix("back-order.")
            if kind in watch.latencies:
                watch.saw(kind, json.loads(record.value)["order_id"])
    finally:
        await consumer.stop()


def _order(number: int, part: str) -> dict[str, Any]:
    return {
        "order_id": f"SO-{number}",
        "placed_at": "2026-11-24T07:00:00Z",
        "customer": {"customer_id": f"C-{number % 50}"},
        "lines": [{"line_id": "1", "part_id": part, "location_id": "W1", "quantity": 1}],
    }


def _stock(part: str, level: int) -> dict[str, Any]:
    return {
        "part_id": part,
        "location_id": "W1",
        "on_hand": level,
        "version": level,
        "occurred_at": "2026-11-24T07:00:00Z",
        "reason": "received",
    }


async def play(publisher: Publisher, seen: Watch, rate: int, seconds: int, warm_up: int) -> None:
    """Every line is short; two seconds later one unit for it arrives."""
    began = time.time() + 0.5
    seen.counts_from = began + warm_up
    plan = [(began + n / rate, "order", n) for n in range(rate * (warm_up + seconds))]
    plan += [(at + 2, "stock", n) for at, _, n in plan]
    levels = [0] * PARTS
    for at, what, number in sorted(plan):
        await asyncio.sleep(max(0.0, at - time.time()))
        order_id, part = f"SO-{number}", number % PARTS
        if what == "order":
            seen.await_("opened", order_id, at)
            event = _order(number, f"P-{part}")
        else:
            levels[part] += 1
            seen.await_("allocated", order_id, at)
            seen.await_("released", order_id, at)
            event = _stock(f"P-{part}", levels[part])
        topic = "order-placed" if what == "order" else "stock-changed"
        publishing = asyncio.ensure_future(publisher.publish([Wire(topic, None, json.dumps(event).encode(), ())]))
        publishing.add_done_callback(asyncio.Future.result)


def quantile(values: Sequence[float], q: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))]


def table(seen: Watch, rate: int, seconds: int) -> str:
    lines = [
        f"{rate} lines/s for {seconds} s after a warm-up, open loop; {platform.machine()}, Python {platform.python_version()}",
        f"{'from → to':38} {'count':>6} {'p50 ms':>8} {'p99 ms':>8} {'max ms':>8}",
    ]
    names = {
        "opened": "order-placed → opened",
        "allocated": "stock-changed → allocated",
        "released": "stock-changed → released (2 s debounce)",
    }
    for kind, values in seen.latencies.items():
        if values:
            figures = (quantile(values, 0.5), quantile(values, 0.99), max(values))
            lines.append(f"{names[kind]:38} {len(values):6} " + " ".join(f"{1000 * x:8.1f}" for x in figures))
    lines.append(f"not seen: {len(seen.scheduled)}")
    return "\n".join(lines)


async def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rate", type=int, default=100)
    options.add_argument("--seconds", type=int, default=30)
    options.add_argument("--warm-up", type=int, default=20)
    chosen = options.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="backorder-bench-"))
    up, stop = asyncio.Event(), asyncio.Event()
    run = LocalRun(folder, say=lambda _: None, ready=lambda _: up.set())
    running = asyncio.create_task(run.run(stop))
    await asyncio.wait({running, asyncio.create_task(up.wait())}, return_when=asyncio.FIRST_COMPLETED)
    kafka = run.endpoints().kafka
    publisher, seen, watching = Publisher(KafkaSettings(bootstrap_servers=kafka)), Watch(), asyncio.Event()
    watcher = asyncio.create_task(watch(kafka, seen, watching))
    await watching.wait()
    await play(publisher, seen, chosen.rate, chosen.seconds, chosen.warm_up)
    deadline = time.time() + 30
    while seen.scheduled and time.time() < deadline:
        await asyncio.sleep(0.2)
    print(table(seen, chosen.rate, chosen.seconds))
    watcher.cancel()
    publisher.close()
    stop.set()
    await running
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    asyncio.run(main())
