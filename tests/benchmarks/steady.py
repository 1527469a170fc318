"""A steady load on the whole system, measured from outside: what the benchmarks of latency and of endurance share.

Open loop: every event is published at its scheduled time, whatever the system does, and a latency counts from that
time.
"""

import asyncio
import heapq
import json
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer

from backorder_dev.local_run import LocalRun, running
from backorder_runtime.outbox import Wire
from backorder_runtime.publisher import Publisher
from backorder_runtime.settings import KafkaSettings

PARTS = 400
KINDS = ("opened", "allocated", "released")
PLACED = datetime.now(UTC).isoformat()  # orders of a fixed day are overdue some days later, which is more work

Step = tuple[float, str, int]  # when, what, number of the order


class Watch:
    """When each awaited thing was scheduled, and how long it took.

    `unexpected` ones were seen and not awaited; what is `repeated` is the same event again, as after a claim.
    """

    def __init__(self) -> None:
        self.counts_from = 0.0  # what was scheduled before, while the broker warms up, is not counted
        self.scheduled: dict[tuple[str, str], float] = {}
        self.latencies: dict[str, list[float]] = {kind: [] for kind in KINDS}
        self.unexpected = 0
        self.repeated = 0
        self._ids: set[bytes] = set()

    def await_(self, kind: str, name: str, at: float) -> None:
        self.scheduled[kind, name] = at

    def saw(self, kind: str, name: str, event_id: bytes) -> None:
        if event_id in self._ids:
            self.repeated += 1
            return
        self._ids.add(event_id)
        at = self.scheduled.pop((kind, name), None)
        if at is None:
            self.unexpected += 1
        elif at >= self.counts_from:
            self.latencies[kind].append(time.time() - at)

    def take(self) -> dict[str, list[float]]:
        """The latencies since the last time."""
        taken, self.latencies = self.latencies, {kind: [] for kind in KINDS}
        return taken

    async def run(self, kafka: str, ready: asyncio.Event) -> None:
        """Watch `back-order-state` until cancelled."""
        consumer = AIOKafkaConsumer("back-order-state", bootstrap_servers=kafka, auto_offset_reset="latest")
        await consumer.start()
        await consumer.seek_to_end()
        ready.set()
        try:
            async for record in consumer:
                headers = dict(record.headers)
                kind = headers["ce_type"].decode().removeprefix("back-order.")
                if kind in KINDS:
                    self.saw(kind, json.loads(record.value)["order_id"], headers["ce_id"])
        finally:
            await consumer.stop()


class Load:
    """Every line is short; a while later one unit for it arrives, and may leave again."""

    def __init__(self, publisher: Publisher, seen: Watch) -> None:
        self._publisher = publisher
        self._seen = seen
        self._levels = [0] * PARTS
        self._versions = [0] * PARTS

    async def play(self, plan: Iterator[Step], other: Callable[[Step], Wire | None] = lambda _: None) -> None:
        """Publish as planned; what the load does not know itself, `other` makes."""
        for step in plan:
            at, what, number = step
            await asyncio.sleep(max(0.0, at - time.time()))
            event = getattr(self, f"_{what}", None)
            wire = other(step) if event is None else event(at, number)
            if wire is not None:
                publishing = asyncio.ensure_future(self._publisher.publish([wire]))
                publishing.add_done_callback(asyncio.Future.result)

    def _order(self, at: float, number: int) -> Wire:
        self._seen.await_("opened", f"SO-{number}", at)
        return order(number)

    def _stock(self, at: float, number: int) -> Wire:
        self._seen.await_("allocated", f"SO-{number}", at)
        self._seen.await_("released", f"SO-{number}", at)
        return self._moved(number, 1, "received")

    def _shipment(self, _at: float, number: int) -> Wire:
        left = [{"order_id": f"SO-{number}", "line_id": "1", "quantity": 1}]
        return self._moved(number, -1, "shipped", shipped=left)

    def _moved(self, number: int, units: int, reason: str, **more: Any) -> Wire:
        part = number % PARTS
        self._levels[part] += units
        self._versions[part] += 1
        event = {
            "part_id": f"P-{part}",
            "location_id": "W1",
            "on_hand": self._levels[part],
            "version": self._versions[part],
            "occurred_at": "2026-11-24T07:00:00Z",
            "reason": reason,
        }
        return _wire("stock-changed", event | more)


def plan(rate: int, seconds: float, began: float, delays: dict[str, float]) -> Iterator[Step]:
    """The steps of each order, at `rate` orders a second; `delays`: what happens to each, and how long after."""

    def steps(what: str, delay: float) -> Iterator[Step]:
        return ((began + n / rate + delay, what, n) for n in range(int(rate * seconds)))

    return heapq.merge(*(steps(what, delay) for what, delay in delays.items()))


def order(number: int) -> Wire:
    """An order of one line."""
    event = {
        "order_id": f"SO-{number}",
        "placed_at": PLACED,
        "customer": {"customer_id": f"C-{number % 50}"},
        "lines": [{"line_id": "1", "part_id": f"P-{number % PARTS}", "location_id": "W1", "quantity": 1}],
    }
    return _wire("order-placed", event)


def _wire(topic: str, event: dict[str, Any]) -> Wire:
    return Wire(topic, None, json.dumps(event).encode(), ())


@asynccontextmanager
async def system() -> AsyncIterator[tuple[LocalRun, Publisher, Watch]]:
    """The whole system in a folder of its own, and somebody who watches it."""
    with tempfile.TemporaryDirectory(prefix="backorder-bench-", ignore_cleanup_errors=True) as folder:
        async with running(Path(folder)) as run:
            kafka = run.endpoints().kafka
            publisher, seen, watching = Publisher(KafkaSettings(bootstrap_servers=kafka)), Watch(), asyncio.Event()
            watcher = asyncio.create_task(seen.run(kafka, watching))
            await watching.wait()
            try:
                yield run, publisher, seen
            finally:
                watcher.cancel()
                with suppress(asyncio.CancelledError):
                    await watcher
                publisher.close()


async def until_seen(seen: Watch, seconds: float) -> None:
    """Wait until everything that is awaited was seen, at most so long."""
    deadline = time.time() + seconds
    while seen.scheduled and time.time() < deadline:
        await asyncio.sleep(0.2)
