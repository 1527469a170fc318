"""The whole system on this machine: how much it takes, how long an answer takes, and who uses the processors.

Broker and database are real, the database syncs to disk, and both share the cores with everything. Drains start from a
backlog that stands in its topic. Latencies are open loop: every event is published at its scheduled time, whatever the
system does, and counts from it. Upstream is a process of its own, and its events are made before the clock starts; what
the subscriber saw is looked at when it has stopped. At last every service is killed in the middle of a backlog; what is
lost or doubled then ends this with 1.

Run: python tests/benchmarks/bench_system.py [--lanes 20000] [--drain 150000] [--seconds 30] [--kills 2] [--json FILE]
"""

import argparse
import asyncio
import json
import random
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

import trade
from kills import Kills, reckoned
from ledger_backlog import order_lines
from measured import measured, median_run
from meters import cpu_seconds, memory_mb
from page_tables import FIRST, HALF
from reckoning import wrong
from subscriber import KINDS, Due, Subscriber
from systems import LIMIT, System, stocked_ledger, stocked_system
from upstream import ANY, Planned, play

_WARM = 60  # seconds at the first rate, until the broker's code is compiled
_RUNS = 3  # of each drain
UNITS = 200  # a second at most
_QUEUED = "SELECT count(*) FROM priority_router.back_order"
_READ = "SELECT sum(next_offset)::bigint FROM gap_detector.shard_input WHERE topic = 'order-line'"


async def ledger_step(
    system: System, source: Iterator[trade.Order], lines: int, times: Sequence[str] = ("warms up", "counts")
) -> dict[str, Any]:
    """Order lines from a backlog, decided, stored and published by one process; of several times the last counts.

    The clock stops when the broker has confirmed what follows from the last of them.
    """
    read, at_rest = await system.database.fetchval(_READ) or 0, await system.untold()
    for _ in times:
        backlog = order_lines(islice(source, lines // trade.LINES), system.found.partitions)
        await system.backlog(backlog)
        before, began, read = cpu_seconds(system.pids), time.time(), read + len(backlog)
        await system.until(_READ, read)
        await system.until_told(at_rest)
        rate = drained("ledger step", lines, time.time() - began, before, system)
    return rate


async def whole_way(
    system: System, subscriber: Subscriber, source: Iterator[trade.Order], lines: int
) -> dict[str, Any]:
    """Orders from a backlog until the last back order that they open is seen by a subscriber, and until it is queued."""
    orders = list(islice(source, lines // trade.LINES))
    goal = subscriber.opened + sum(len(order.short) for order in orders)
    await system.backlog([order.wire() for order in orders])
    before, began = cpu_seconds(system.pids), time.time()
    async with asyncio.timeout(LIMIT):
        while subscriber.opened < goal:
            await asyncio.sleep(0.02)
    rate = drained("whole way", lines, time.time() - began, before, system)
    await system.until(_QUEUED, goal)
    return rate | {"queued_lines_per_second": round(lines / (time.time() - began))}


def drained(name: str, lines: int, seconds: float, before: dict[str, float], system: System) -> dict[str, Any]:
    """How fast so many lines went, and what they took of the processors since `before`."""
    after = cpu_seconds(system.pids)
    return {
        "what": name,
        "lines": lines,
        "lines_per_second": round(lines / seconds),
        "cpu_ms_per_1000_lines": {k: round(1e6 * (after[k] - before[k]) / lines) for k in after},
        "memory_mb": memory_mb(system.pids),
    }


async def latency(
    system: System,
    subscriber: Subscriber,
    source: Iterator[trade.Order],
    rate: int,
    seconds: int,
    units: int = UNITS,
    written: Callable[[Sequence[Planned]], list[Planned]] = list,
) -> dict[str, Any]:
    """Orders at a steady rate; a unit comes a second later for every short line, but for no more than `units`.

    `written` makes of what an upstream publishes what it is to publish instead. What was due in the first quarter is
    not counted.
    """
    orders = list(islice(source, rate * seconds // trade.LINES))
    began = time.time() + 2 + len(orders) / 10_000  # until then everything is prepared
    plan, due = _prepared(system, orders, began, rate, units)
    expected = Counter("opened" for order in orders for _ in order.short)
    expected["allocated"] = len(plan) - len(orders)
    subscriber.start()
    playing = asyncio.ensure_future(play(system.found.kafka, written(plan)))
    await asyncio.sleep(max(0.0, began - time.time()))
    before = cpu_seconds(system.pids)
    await playing
    await subscriber.until(expected)
    used, lasted = cpu_seconds(system.pids), time.time() - began
    took = subscriber.answers(due, since=began + seconds / 4)
    found: dict[str, Any] = {"lines_per_second": rate, "seconds": seconds}
    return found | {
        **{kind: _quantiles(took[kind]) | {"unseen": (expected - subscriber.seen)[kind]} for kind in KINDS},
        "cpu_percent": {name: round(100 * (used[name] - before[name]) / lasted) for name in used},
    }


def _prepared(
    system: System, orders: Sequence[trade.Order], began: float, rate: int, units: int
) -> tuple[list[Planned], Due]:
    """What upstream publishes from `began` on, and what a subscriber is to see of it."""
    steps: list[tuple[float, trade.Order, int | None]] = []
    draw, share = random.Random(rate), units * trade.SHORT / rate
    for n, order in enumerate(orders):
        at = began + n * trade.LINES / rate
        steps.append((at, order, None))
        steps.extend((at + 1, order, part) for part in order.short if draw.random() < share)
    steps.sort(key=lambda step: step[0])
    plan: list[Planned] = []
    due: dict[tuple[str, str], list[float]] = defaultdict(list)
    for at, order, part in steps:
        if part is None:
            wire = order.wire(at)
            for short in order.short:
                due["opened", f"{order.order_id} P-{short}"].append(at)
        else:
            system.levels[part] += 1
            wire = trade.stock(part, system.levels[part], 1 + system.levels[part], at)
            due["allocated", f"P-{part}"].append(at)
        plan.append((at, wire.topic, wire.value or b"", ANY))
    return plan, due


def _quantiles(times: Sequence[float]) -> dict[str, float]:
    shares = (("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999))
    if not times:
        return {"count": 0}
    return {name: round(1000 * trade.quantile(times, q), 1) for name, q in shares} | {"count": len(times)}


async def measure(lanes: int, drain: int, seconds: int, rates: Sequence[int], kills: int) -> dict[str, Any]:
    """All figures of this machine; of what is drained the median run, each in a system of its own."""
    report: dict[str, Any] = {**measured(), "lanes": lanes}
    steps = []
    for _ in range(_RUNS):
        async with stocked_ledger(lanes) as system:
            steps.append(await ledger_step(system, trade.orders(lanes, 1), drain))
        print(json.dumps(steps[-1]), flush=True)
    report["ledger"] = median_run(steps)
    ways: list[dict[str, Any]] = []
    while len(ways) < _RUNS:
        async with stocked_system(lanes) as (system, subscriber):
            source = trade.orders(lanes, 2)
            await whole_way(system, subscriber, source, drain // 5)
            await latency(system, subscriber, source, FIRST, _WARM)
            ways.append(await whole_way(system, subscriber, source, drain))
            print(json.dumps(ways[-1]), flush=True)
            if len(ways) == _RUNS:  # the last system answers too, at shares of the median
                report["drain"] = median_run(ways)
                shares = (report["drain"]["lines_per_second"] * n // 4 for n in (1, 2, 3))
                asked = rates or [FIRST, *shares, HALF]
                report["latency"] = await _answers(system, subscriber, source, asked, seconds)
    if kills:
        report["kills"] = await with_kills(lanes, drain, kills)
        print(json.dumps(report["kills"]), flush=True)
    return report


async def with_kills(lanes: int, lines: int, times: int) -> dict[str, Any]:
    """Backlogs in each of which every service is killed once, after one of the same size in which none is."""
    source, count = trade.orders(lanes, 6), lines // trade.LINES
    few, alone, *others = [list(islice(source, n)) for n in (count // 5, count, *[count] * times)]
    async with stocked_system(lanes) as (system, subscriber):
        await whole_way(system, subscriber, iter(few), lines // 5)
        undisturbed = (await whole_way(system, subscriber, iter(alone), lines))["lines_per_second"]
        killing = Kills(system, subscriber, lanes)
        seconds = [await killing.drain(orders) for orders in others]
        kills = sum(map(len, killing.back_after.values()))
        return {
            "backlogs": times,
            "lines": lines,
            "kills": kills,
            "in_the_middle": killing.in_the_middle,
            "lines_per_second": round(lines * times / sum(seconds)),
            "lines_per_second_undisturbed": undisturbed,
            "seconds_lost_per_kill": round((sum(seconds) - lines * times / undisturbed) / kills, 1),
            "back_after": killing.back_after,
            **await reckoned(killing, chain(few, alone, *others)),
        }


async def _answers(
    system: System, subscriber: Subscriber, source: Iterator[trade.Order], rates: Sequence[int], seconds: int
) -> list[dict[str, Any]]:
    """How long an answer takes at each rate."""
    found = []
    for rate in rates:
        found.append(await latency(system, subscriber, source, rate, seconds))
        print(json.dumps(found[-1]), flush=True)
    return found


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--lanes", type=int, default=20_000)
    options.add_argument("--drain", type=int, default=150_000, help="order lines in the backlog")
    options.add_argument("--seconds", type=int, default=30, help="of each rate")
    options.add_argument("--rate", type=int, action="append", default=[], help="lines a second, instead of shares")
    options.add_argument("--kills", type=int, default=2, help="of each service, each in a backlog of its own")
    options.add_argument("--json", type=Path)
    chosen = options.parse_args()
    report = asyncio.run(measure(chosen.lanes, chosen.drain, chosen.seconds, chosen.rate, chosen.kills))
    if chosen.json:
        chosen.json.write_text(json.dumps(report, indent=1) + "\n", "utf-8")
    if off := wrong(report.get("kills")):
        raise SystemExit(f"after kills: {', '.join(off)}")


if __name__ == "__main__":
    main()
