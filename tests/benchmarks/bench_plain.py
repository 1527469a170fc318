"""The ledger step beside the one that a team would write without an engine, in turns on the same machine.

How fast a machine is differs between machines, and of a shared one between hours; how many times as fast one program
is as another differs much less. Both have a broker and a database of their own, and drain the same lines: the other
reads one record for each, ours the bundles that its intake makes of them. Then both are asked, with one record for
each line, how long an answer takes at a steady rate.

Run: python tests/benchmarks/bench_plain.py [--pairs 3] [--lanes 20000] [--drain 150000] [--json FILE]
"""

import argparse
import asyncio
import json
import statistics
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import plain_ledger
import trade
from bench_system import drained, latency, ledger_step
from ledger_backlog import lines_of
from measured import measured
from meters import cpu_seconds
from systems import System, running_system, stocked_ledger, subscribed
from upstream import Planned

from backorder_runtime.bundle import partition_of
from backorder_runtime.outbox import Wire

_RATE = 2_000  # lines a second
_WARM = 20  # seconds at that rate
_SECONDS = 30
_BATCH = 5_000  # lines: as good as 2,000, and better than 500 and 1,000


def _as_lines(partitions: int, plan: Sequence[Planned]) -> list[Planned]:
    """What upstream publishes, as lines, one record each, in the partition of their lane."""
    return [
        (at, "order-line", line.value or b"", partition_of(line.key, partitions))
        for at, _, order, _ in plan
        for line in lines_of([order])
    ]


@asynccontextmanager
async def plain_system(lanes: int, batch: int) -> AsyncIterator[tuple[System, asyncio.StreamReader]]:
    """The other ledger, which knows the stock of so many lanes, and what it prints."""
    async with running_system(()) as system:
        await system.database.execute(plain_ledger.TABLES)
        stock = [(f"P-{part}@W1", 0 if trade.is_short(part) else trade.PLENTY, 0, 0) for part in range(lanes)]
        await system.database.copy_records_to_table("lane", schema_name="plain", records=stock)
        command = (sys.executable, plain_ledger.__file__, system.found.kafka, system.found.database, str(batch))
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        try:
            assert process.stdout is not None
            await process.stdout.readline()
            system.pids["plain"] = process.pid
            system.beside.append(process.pid)
            yield system, process.stdout
        finally:
            process.kill()
            await process.wait()


async def plain(lanes: int, lines: int, batch: int) -> dict[str, Any]:
    """The other ledger: from a backlog, then at a steady rate."""
    async with plain_system(lanes, batch) as (system, printed):
        source, goal = trade.orders(lanes, 1), 0
        for _ in ("warms up", "counts"):
            orders = [order.wire().value for order in islice(source, lines // trade.LINES)]
            partitions = system.found.partitions
            backlog = [
                Wire("order-line", line.key.encode(), line.value, (), partition_of(line.key, partitions))
                for line in lines_of(orders)
            ]
            await system.backlog(backlog)
            before, began, goal = cpu_seconds(system.pids), time.time(), goal + len(backlog)
            while int(await printed.readline()) < goal:
                pass
            rate = drained("plain", lines, time.time() - began, before, system)
        reading = asyncio.create_task(printed.read())  # or it would wait until somebody does
        rate["latency"] = await _answers(system, source)
        reading.cancel()
        return rate


async def _answers(system: System, source: Iterator[trade.Order]) -> dict[str, Any]:
    """How long it takes from a line to its back order, at a steady rate."""
    lines = partial(_as_lines, system.found.partitions)
    async with subscribed(system) as subscriber:
        await latency(system, subscriber, source, _RATE, _WARM, 0, lines)
        return await latency(system, subscriber, source, _RATE, _SECONDS, 0, lines)


async def ours(lanes: int, lines: int) -> dict[str, Any]:
    """Our ledger: the same."""
    async with stocked_ledger(lanes) as system:
        source = trade.orders(lanes, 1)
        step = await ledger_step(system, source, lines)
        step["latency"] = await _answers(system, source)
        return step


async def measure(pairs: int, lanes: int, lines: int, batch: int) -> dict[str, Any]:
    """Both, in turns, with the medians."""
    report: dict[str, Any] = {**measured(), "pairs": pairs, "batch": batch}
    runs: dict[str, list[dict[str, Any]]] = {"plain": [], "ours": []}
    for _ in range(pairs):
        runs["plain"].append(await plain(lanes, lines, batch))
        print(json.dumps(runs["plain"][-1]), flush=True)
        runs["ours"].append(await ours(lanes, lines))
        print(json.dumps(runs["ours"][-1]), flush=True)
    return report | {name: _medians(each) for name, each in runs.items()}


def _medians(runs: Sequence[dict[str, Any]]) -> dict[str, float]:
    opened = [run["latency"]["opened"] for run in runs]
    return {
        "lines_per_second": round(statistics.median(run["lines_per_second"] for run in runs)),
        "p50": statistics.median(each["p50"] for each in opened),
        "p99": statistics.median(each["p99"] for each in opened),
    }


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--pairs", type=int, default=3)
    options.add_argument("--lanes", type=int, default=20_000)
    options.add_argument("--drain", type=int, default=150_000, help="order lines in the backlog")
    options.add_argument("--batch", type=int, default=_BATCH, help="lines that the other ledger takes at once")
    options.add_argument("--json", type=Path)
    chosen = options.parse_args()
    report = asyncio.run(measure(chosen.pairs, chosen.lanes, chosen.drain, chosen.batch))
    print(json.dumps(report))
    if chosen.json:
        chosen.json.write_text(json.dumps(report, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
