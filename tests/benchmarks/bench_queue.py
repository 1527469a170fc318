"""What one input costs the queue of a lane, with 1,000 and with 100,000 waiting lines.

Run: python tests/benchmarks/bench_queue.py [LINES ...]

Every figure is decide + evolve of one input in milliseconds: median and worst of many.
"""

import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from statistics import median
from time import perf_counter

from backorder_contracts.internal import (
    BackOrderShipped,
    CancelAsked,
    Cause,
    CommandEntry,
    LineDetail,
    LineRef,
    Origin,
    Shortage,
    UnitsHanded,
)
from priority_router.domain.decide import decide
from priority_router.domain.events import FORECAST, SETTLE, Event, Inbound, InboundSeen, PolicyTaken, TimerRang
from priority_router.domain.evolve import evolve
from priority_router.domain.model import LaneQueue
from priority_router.policy_file import default_text, read_policy

NOW = datetime(2026, 11, 24, tzinfo=UTC)
HOUR = timedelta(hours=1)
CAUSE = Cause("benchmark", "1")
TIERS = ("platinum", "standard", "standard", "silver", "standard")


class Bench:
    """A lane with many waiting lines, some of which ship only complete."""

    def __init__(self, lines: int) -> None:
        self.queue = LaneQueue("P", "L", read_policy(default_text()))
        self.lines = lines
        self.clock = NOW
        for n in range(lines):
            self.do(self.shortage(n))

    def shortage(self, n: int, impact: str = "none") -> Shortage:
        """Four units of a line that was placed n seconds ago lack stock."""
        line = LineDetail(
            f"SO-{n:07}",
            "1",
            "P",
            "L",
            4,
            NOW - timedelta(seconds=n * 7919 % 1_000_003),
            "C-1",
            tier=TIERS[n % len(TIERS)],
            service_impact=impact,
            ship_policy="complete" if n % 10 == 0 else "available",
        )
        return Shortage(f"BO-{n}", line, 4, 0, first=True, at=NOW, cause=CAUSE)

    def do(self, event: Event) -> float:
        """Decide and write; how long it took, in milliseconds."""
        start = perf_counter()
        for fact in decide(self.queue, event, self.clock):
            evolve(self.queue, fact)
        return (perf_counter() - start) * 1000

    def inbound(self, shift: int, deliveries: int = 20) -> InboundSeen:
        """Deliveries of a hundred units each; the third is `shift` hours late."""
        return InboundSeen(
            tuple(
                Inbound(f"PO-{i}", 100, NOW + (24 * i + (shift if i == 2 else 0)) * HOUR, NOW + (24 * i + 99) * HOUR)
                for i in range(deliveries)
            ),
            CAUSE,
        )

    def forecast(self) -> float:
        """One ring of the forecast timer: the reckoning of all promises of the lane."""
        return self.do(TimerRang(FORECAST, self.queue.timers.get(FORECAST, NOW)))

    def rest(self) -> None:
        """Let promises come to rest."""
        while FORECAST in self.queue.timers:
            self.clock = max(self.clock, self.queue.timers[FORECAST])
            self.forecast()


def measures(bench: Bench) -> Iterator[tuple[str, Callable[[int], float]]]:
    """What is measured: a name, and a function that does it for the n-th time."""
    spread = bench.lines // 300
    base = bench.lines
    bench.do(bench.inbound(0))
    bench.rest()
    yield "a new back order, last band", lambda n: bench.do(bench.shortage(base + n))
    yield "one unit handed over", lambda _: bench.do(UnitsHanded("P", "L", 1, CAUSE))
    yield "a machine-down line that wins", lambda n: bench.do(bench.shortage(base + 1000 + n, "down"))
    yield (
        "a cancellation",
        lambda n: bench.do(CancelAsked(f"BO-{n * spread}", LineRef(f"SO-{n * spread:07}", "1"), 1, CAUSE)),
    )
    yield (
        "a shipment",
        lambda n: bench.do(
            BackOrderShipped(f"BO-{n * spread + 1}", LineRef(f"SO-{n * spread + 1:07}", "1"), 1, 0, CAUSE)
        ),
    )
    origin = Origin("back-order-command", 0, 0)
    yield (
        "a hold",
        lambda n: bench.do(CommandEntry(f"K{n}", f"BO-{n * spread + 2}", "P", "L", "hold", "bench", CAUSE, origin)),
    )

    def moved(n: int) -> float:
        cost = bench.do(bench.inbound(13 if n % 2 else 0)) + bench.forecast()
        bench.rest()
        return cost

    def overtaken(n: int) -> float:
        bench.do(bench.shortage(base + 2000 + n, "down"))
        cost = bench.forecast()
        bench.rest()
        return cost

    def nothing(_: int) -> float:
        bench.do(TimerRang(FORECAST, NOW))
        return bench.forecast()

    bench.rest()
    yield "promises: one delivery late by 13 h", moved
    yield "promises: one new line in front", overtaken
    yield "promises: nothing moved", nothing
    policies = (
        read_policy(default_text().replace("72h", f"{hours}h").replace("2026", f"{hours}-2026"))
        for hours in range(1, 999)
    )

    def ranked_anew(_: int) -> float:
        if bench.queue.stale:
            return bench.do(TimerRang(SETTLE, bench.clock))
        return bench.do(PolicyTaken(next(policies), CAUSE))

    yield "another policy, one portion of lines", ranked_anew
    while bench.queue.stale:
        bench.do(TimerRang(SETTLE, bench.clock))
    yield "a hundred units handed over", lambda _: bench.do(UnitsHanded("P", "L", 100, CAUSE))


def main(sizes: list[int]) -> None:
    """Print one table per size."""
    for lines in sizes:
        start = perf_counter()
        bench = Bench(lines)
        print(f"\n{lines} waiting lines (filled in {perf_counter() - start:.1f} s)")
        for name, measure in measures(bench):
            costs = [measure(n) for n in range(100)]
            print(f"  {name:<38} median {median(costs):8.3f} ms   worst {max(costs):8.3f} ms")


if __name__ == "__main__":
    main([int(size) for size in sys.argv[1:]] or [1_000, 100_000])
