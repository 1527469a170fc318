"""How long a customer's order waits for its answer: the whole system at a steady load, measured from outside.

Run: python tests/benchmarks/bench_latency.py [--rate LINES_PER_SECOND] [--seconds SECONDS]
"""

import argparse
import asyncio
import platform
import time

from steady import Load, Watch, plan, system, until_seen
from trade import quantile

NAMES = {
    "opened": "order-placed → opened",
    "allocated": "stock-changed → allocated",
    "released": "stock-changed → released (2 s debounce)",
}


def table(seen: Watch, rate: int, seconds: int) -> str:
    lines = [
        f"{rate} lines/s for {seconds} s after a warm-up, open loop; {platform.machine()}, Python {platform.python_version()}",
        f"{'from → to':38} {'count':>6} {'p50 ms':>8} {'p99 ms':>8} {'max ms':>8}",
    ]
    for kind, values in seen.latencies.items():
        if values:
            figures = (quantile(values, 0.5), quantile(values, 0.99), max(values))
            lines.append(f"{NAMES[kind]:38} {len(values):6} " + " ".join(f"{1000 * x:8.1f}" for x in figures))
    lines.append(f"not seen: {len(seen.scheduled)}")
    return "\n".join(lines)


async def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rate", type=int, default=100)
    options.add_argument("--seconds", type=int, default=30)
    options.add_argument("--warm-up", type=int, default=20)
    chosen = options.parse_args()
    async with system() as (_, publisher, seen):
        began = time.time() + 0.5
        seen.counts_from = began + chosen.warm_up
        steps = plan(chosen.rate, chosen.warm_up + chosen.seconds, began, {"order": 0, "stock": 2})
        await Load(publisher, seen).play(steps)
        await until_seen(seen, 30)
        print(table(seen, chosen.rate, chosen.seconds))


if __name__ == "__main__":
    asyncio.run(main())
