"""The whole system on this machine: how much it takes, how long an answer takes, and who uses the processors.

Broker and database are real, sync to disk and share the cores with everything. Drains start from a backlog;
latencies are open loop: every event is published at its scheduled time, whatever the system does, and counts from it.

Run: python tests/benchmarks/bench_system.py [--lanes 20000] [--drain 150000] [--seconds 20] [--json FILE]
"""

import argparse
import asyncio
import json
import os
import random
import tempfile
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import asyncpg
import trade
from confluent_kafka import OFFSET_END, Consumer, TopicPartition
from ledger_backlog import order_lines, positions
from meters import cpu_seconds, machine, memory_mb, processes

from backorder_dev.local_run import LocalRun, running
from backorder_dev.services import SERVICES, Service
from backorder_runtime.publisher import Publisher
from backorder_runtime.settings import KafkaSettings

_LIMIT = 300.0  # seconds that a step may take
UNITS = 200  # a second at most


class System:
    """A running system, with what a measurement needs of it."""

    def __init__(self, run: LocalRun, publisher: Publisher, database: "asyncpg.Connection[Any]") -> None:
        self.found = run.endpoints()
        self.pids = processes(self.found)
        self.publisher = publisher
        self.database = database
        self.levels: Counter[int] = Counter()  # units that came for parts without stock

    async def until(self, query: str, expected: int) -> None:
        """Wait until a query says at least so much. Raises TimeoutError."""
        async with asyncio.timeout(_LIMIT):
            while (await self.database.fetchval(query) or 0) < expected:
                await asyncio.sleep(0.05)


@asynccontextmanager
async def running_system(services: Sequence[Service] = SERVICES) -> AsyncIterator[System]:
    """A system for as long as the block lasts, with the broker as it is when it runs for long."""
    os.environ["KAFKA_JVM_PERFORMANCE_OPTS"] = "-XX:+UseSerialGC"
    with tempfile.TemporaryDirectory(prefix="backorder-bench-", ignore_cleanup_errors=True) as folder:
        async with running(Path(folder), services) as run:
            publisher = Publisher(KafkaSettings(bootstrap_servers=run.endpoints().kafka))
            database = await asyncpg.connect(run.endpoints().database)
            try:
                yield System(run, publisher, database)
            finally:
                await database.close()
                publisher.close()


class Watch:
    """What a subscriber of `back-order-state` sees, and how long after its scheduled time."""

    def __init__(self) -> None:
        # in the order in which they are due; a unit is for whoever waits for its part, so only the part is named
        self.due: dict[tuple[str, str], deque[float]] = defaultdict(deque)
        self.took: dict[str, list[float]] = {"opened": [], "allocated": []}
        self.opened = 0
        self.ready = threading.Event()

    async def run(self, kafka: str) -> None:
        """Watch until cancelled."""
        stop = threading.Event()
        try:
            await asyncio.to_thread(self._watch, kafka, stop)
        finally:
            stop.set()

    def _watch(self, kafka: str, stop: threading.Event) -> None:
        consumer = Consumer({"bootstrap.servers": kafka, "group.id": "benchmark", "enable.auto.commit": False})
        partitions = consumer.list_topics("back-order-state").topics["back-order-state"].partitions
        consumer.assign([TopicPartition("back-order-state", n, OFFSET_END) for n in partitions])
        consumer.poll(1)
        self.ready.set()
        while not stop.is_set():
            if (record := consumer.poll(0.2)) is not None and record.error() is None:
                self._saw(record)
        consumer.close()

    def _saw(self, record: Any) -> None:
        kind = dict(record.headers())["ce_type"].decode().removeprefix("back-order.")
        if kind not in self.took:
            return
        self.opened += kind == "opened"
        event = json.loads(record.value())
        name = event["part_id"] if kind == "allocated" else f"{event['order_id']} {event['part_id']}"
        if waiting := self.due.get((kind, name)):
            self.took[kind].append(time.time() - waiting.popleft())

    @property
    def unseen(self) -> bool:
        """Whether something that was due has not been seen yet."""
        return any(self.due.values())


async def ledger_step(lanes: int, lines: int) -> dict[str, Any]:
    """Order lines from a backlog, decided, stored and told by one process: no other service runs."""
    only = [service for service in SERVICES if service.name == "gap-detector"]
    async with running_system(only) as system:
        await system.publisher.publish(positions(lanes, system.found.partitions))
        await system.until("SELECT count(*) FROM gap_detector.lane", lanes)
        backlog = order_lines(islice(trade.orders(lanes, 1), lines // trade.LINES), system.found.partitions)
        before, began = cpu_seconds(system.pids), time.time()
        await system.publisher.publish(backlog)
        await system.until(
            "SELECT sum(next_offset) FROM gap_detector.shard_input WHERE topic = 'order-line'", len(backlog)
        )
        return _rate("ledger step", lines, time.time() - began, before, system)


async def whole_way(system: System, watch: Watch, source: Iterator[trade.Order], lines: int) -> dict[str, Any]:
    """Orders from a backlog until the last back order that they open is seen by a subscriber."""
    orders = list(islice(source, lines // trade.LINES))
    wires = [order.wire() for order in orders]
    goal = watch.opened + sum(len(order.short) for order in orders)
    before, began = cpu_seconds(system.pids), time.time()
    await system.publisher.publish(wires)
    async with asyncio.timeout(_LIMIT):
        while watch.opened < goal:
            await asyncio.sleep(0.02)
    return _rate("whole way", lines, time.time() - began, before, system)


def _rate(name: str, lines: int, seconds: float, before: dict[str, float], system: System) -> dict[str, Any]:
    after = cpu_seconds(system.pids)
    return {
        "what": name,
        "lines": lines,
        "lines_per_second": round(lines / seconds),
        "cpu_ms_per_1000_lines": {k: round(1e6 * (after[k] - before[k]) / lines) for k in after},
        "memory_mb": memory_mb(system.pids),
    }


async def latency(
    system: System, watch: Watch, source: Iterator[trade.Order], rate: int, seconds: int
) -> dict[str, Any]:
    """Orders at a steady rate; a unit comes a second later for every short line, but for no more than `UNITS`."""
    for times in watch.took.values():
        times.clear()
    watch.due.clear()
    began = time.time() + 0.5
    warm = began + seconds / 4
    plan: list[tuple[float, trade.Order, int | None]] = []
    draw, share = random.Random(rate), UNITS * trade.SHORT / rate
    for n, order in enumerate(islice(source, rate * seconds // trade.LINES)):
        at = began + n * trade.LINES / rate
        plan.append((at, order, None))
        plan.extend((at + 1, order, part) for part in order.short if draw.random() < share)
    plan.sort(key=lambda step: step[0])
    before = cpu_seconds(system.pids)
    await _play(system, watch, plan, warm)
    async with asyncio.timeout(_LIMIT):
        while watch.unseen:
            await asyncio.sleep(0.05)
    after = cpu_seconds(system.pids)
    found: dict[str, Any] = {"lines_per_second": rate, "seconds": seconds}
    for kind, times in watch.took.items():
        found[kind] = {
            name: round(1000 * trade.quantile(times, q), 1)
            for name, q in (("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999))
        } | {"count": len(times)}
    return found | {"cpu_percent": {k: round(100 * (after[k] - before[k]) / (time.time() - began)) for k in after}}


async def _play(
    system: System,
    watch: Watch,
    plan: Sequence[tuple[float, trade.Order, int | None]],
    warm: float,
) -> None:
    waiting = set()
    step = 0
    while step < len(plan):
        await asyncio.sleep(max(0.0, plan[step][0] - time.time()))
        now, wires = time.time(), []
        while step < len(plan) and plan[step][0] <= now:
            at, order, part = plan[step]
            step += 1
            if part is None:
                if at >= warm:
                    for short in order.short:
                        watch.due["opened", f"{order.order_id} P-{short}"].append(at)
                wires.append(order.wire())
            else:
                if at >= warm + 1:  # whoever was warm then has its unit now
                    watch.due["allocated", f"P-{part}"].append(at)
                system.levels[part] += 1
                wires.append(trade.stock(part, system.levels[part], 1 + system.levels[part]))
        sending = asyncio.ensure_future(system.publisher.publish(wires))
        waiting.add(sending)
        sending.add_done_callback(waiting.discard)
    await asyncio.gather(*waiting)


@asynccontextmanager
async def stocked_system(lanes: int) -> AsyncIterator[tuple[System, Watch]]:
    """A system that knows the stock of so many lanes, and a subscriber."""
    # a subscriber that fails ends the measurement: nothing would be seen any more
    async with running_system() as system, asyncio.TaskGroup() as tasks:
        watch = Watch()
        watching = tasks.create_task(watch.run(system.found.kafka))
        await asyncio.to_thread(watch.ready.wait)
        await system.publisher.publish(
            [trade.stock(part, 0 if trade.is_short(part) else trade.PLENTY) for part in range(lanes)]
        )
        await system.until("SELECT count(*) FROM gap_detector.lane", lanes)
        yield system, watch
        watching.cancel()


async def measure(lanes: int, drain: int, seconds: int, rates: Sequence[int]) -> dict[str, Any]:
    """All figures of this machine."""
    report: dict[str, Any] = {"machine": machine(), "at": time.strftime("%Y-%m-%d %H:%M"), "lanes": lanes}
    report["ledger"] = await ledger_step(lanes, drain)
    print(json.dumps(report["ledger"]))
    async with stocked_system(lanes) as (system, watch):
        source = trade.orders(lanes, 2)
        await whole_way(system, watch, source, drain // 5)  # warms up
        report["drain"] = await whole_way(system, watch, source, drain)
        print(json.dumps(report["drain"]))
        report["latency"] = []
        for rate in rates or [2_000, *(report["drain"]["lines_per_second"] * n // 4 for n in (1, 2, 3))]:
            report["latency"].append(await latency(system, watch, source, rate, seconds))
            print(json.dumps(report["latency"][-1]))
    return report


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--lanes", type=int, default=20_000)
    options.add_argument("--drain", type=int, default=150_000, help="order lines in the backlog")
    options.add_argument("--seconds", type=int, default=20, help="of each rate")
    options.add_argument("--rate", type=int, action="append", default=[], help="lines a second, instead of shares")
    options.add_argument("--json", type=Path)
    chosen = options.parse_args()
    report = asyncio.run(measure(chosen.lanes, chosen.drain, chosen.seconds, chosen.rate))
    if chosen.json:
        chosen.json.write_text(json.dumps(report, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
