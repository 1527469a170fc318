"""What one input costs the queue of a lane, with 1,000, 10,000 and 100,000 waiting lines.

Run: python tests/benchmarks/bench_queue.py [LINES ...]

Every figure is one decision as the service makes it, without its database: decide, write down, render what is
published; in milliseconds, median and worst of a hundred, garbage collection included. The last column is the median
in the largest lane over that in the smallest.
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
from backorder_runtime.service import collect_seldom
from priority_router.domain.decide import decide
from priority_router.domain.events import FORECAST, SETTLE, Event, Inbound, InboundSeen, PolicyTaken, TimerRang
from priority_router.domain.evolve import evolve
from priority_router.domain.model import LaneQueue
from priority_router.policy_file import default_text, read_policy
from priority_router.publish import Teller

NOW = datetime(2026, 11, 24, tzinfo=UTC)
HOUR = timedelta(hours=1)
CAUSE = Cause("benchmark", "1")
TIERS = ("platinum", "standard", "standard", "silver", "standard")
TIMES = 100
DELIVERIES = 20
Measure = Callable[[int], float]


class Bench:
    """A lane with many waiting lines of four units, some of which ship only complete."""

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
        """Decide, write down, render; how long it took, in milliseconds."""
        start = perf_counter()
        teller = Teller(self.queue, event if isinstance(event, CommandEntry) else None, self.clock)
        for fact in decide(self.queue, event, self.clock):
            evolve(self.queue, fact)
            teller.tell(fact)
        teller.snapshots()
        return (perf_counter() - start) * 1000

    def inbound(self, units: int, late: int = 0) -> InboundSeen:
        """Deliveries of so many units each; the third is `late` hours late."""
        return InboundSeen(
            tuple(
                Inbound(f"PO-{i}", units, NOW + (24 * i + (late if i == 2 else 0)) * HOUR, NOW + (24 * i + 99) * HOUR)
                for i in range(1, DELIVERIES + 1)
            ),
            CAUSE,
        )

    def forecast(self) -> float:
        """One ring of the forecast timer: a reckoning of all promises of the lane."""
        return self.do(TimerRang(FORECAST, self.queue.timers.get(FORECAST, NOW)))

    def rest(self) -> list[float]:
        """Let promises come to rest; what each ring cost."""
        costs = []
        while FORECAST in self.queue.timers:
            self.clock = max(self.clock, self.queue.timers[FORECAST])
            costs.append(self.forecast())
        return costs


def measures(bench: Bench) -> Iterator[tuple[str, Measure]]:
    """What is measured: a name, and a function that does it for the n-th time."""
    bench.do(bench.inbound(100))
    bench.rest()
    yield from _lines(bench)
    yield from _promises(bench)
    yield from _policy(bench)
    yield "twenty units handed over", lambda _: bench.do(UnitsHanded("P", "L", 20, CAUSE))


def _lines(bench: Bench) -> Iterator[tuple[str, Measure]]:
    base, spread = bench.lines, bench.lines // 300
    origin = Origin("back-order-command", 0, 0)

    def reference(n: int) -> tuple[str, LineRef]:
        return f"BO-{n}", LineRef(f"SO-{n:07}", "1")

    yield "a new back order, last band", lambda n: bench.do(bench.shortage(base + n))
    yield "one unit handed over", lambda _: bench.do(UnitsHanded("P", "L", 1, CAUSE))
    yield "a machine-down line that wins", lambda n: bench.do(bench.shortage(base + 1000 + n, "down"))
    yield "a cancellation", lambda n: bench.do(CancelAsked(*reference(n * spread), 1, CAUSE))
    yield "a shipment", lambda n: bench.do(BackOrderShipped(*reference(n * spread + 1), 1, 0, CAUSE))
    yield (
        "a hold",
        lambda n: bench.do(CommandEntry(f"K{n}", f"BO-{n * spread + 2}", "P", "L", "hold", "bench", CAUSE, origin)),
    )


def _promises(bench: Bench) -> Iterator[tuple[str, Measure]]:
    base = bench.lines

    def moved(n: int) -> float:
        cost = bench.do(bench.inbound(100, 13 if n % 2 == 0 else 0)) + bench.forecast()
        bench.rest()
        return cost

    def overtaken(n: int) -> float:
        cost = bench.do(bench.shortage(base + 2000 + n, "down")) + bench.forecast()
        bench.rest()
        return cost

    bench.rest()
    yield "promises: one delivery 13 h late", moved
    yield "promises: one new line in front", overtaken
    yield "promises: nothing moved", lambda _: bench.forecast()


def _policy(bench: Bench) -> Iterator[tuple[str, Measure]]:
    policies = (
        read_policy(default_text().replace("72h", f"{hours}h").replace("2026", f"{hours}-2026"))
        for hours in range(1, 999)
    )

    def ranked_anew(_: int) -> float:
        if bench.queue.stale:
            return bench.do(TimerRang(SETTLE, bench.clock))
        return bench.do(PolicyTaken(next(policies), CAUSE))

    yield "another policy: a portion", ranked_anew
    while bench.queue.stale:
        bench.do(TimerRang(SETTLE, bench.clock))


def measures_when_all_is_promised(bench: Bench) -> Iterator[tuple[str, Measure]]:
    """The same lane with deliveries announced for every unit of it: a twentieth of all lines rests on each."""
    units = bench.lines * 4 // DELIVERIES + 1
    bench.do(bench.inbound(units))
    bench.rest()
    base = bench.lines + 5000
    portions: list[float] = []

    def moved(n: int) -> float:
        if not portions:
            portions.append(bench.do(bench.inbound(units, 13 if n % 2 == 0 else 0)))
            portions.extend(bench.rest())
        return portions.pop()

    yield "all promised: one delivery 13 h late, a portion", moved

    def overtaken(n: int) -> float:
        cost = bench.do(bench.shortage(base + n, "down")) + bench.forecast()
        bench.rest()
        return cost

    yield "all promised: one new line in front", overtaken


def run(lines: int) -> dict[str, list[float]]:
    """All figures of a lane of that size."""
    costs: dict[str, list[float]] = {}
    for cases in (measures, measures_when_all_is_promised):
        bench = Bench(lines)
        for name, measure in cases(bench):
            costs[name] = [measure(n) for n in range(TIMES)]
    return costs


def main(sizes: list[int]) -> None:
    """Print one table."""
    collect_seldom()  # as the service does
    found = {}
    for lines in sizes:
        found[lines] = run(lines)
        print(f"{lines:,} lines done", file=sys.stderr)
    print("| one input, in ms: median (worst) | " + " | ".join(f"{lines:,} lines" for lines in sizes) + " | ratio |")
    print("|---" * (len(sizes) + 2) + "|")
    for name in found[sizes[0]]:
        figures = [f"{median(found[lines][name]):.2f} ({max(found[lines][name]):.1f})" for lines in sizes]
        ratio = f"{median(found[sizes[-1]][name]) / median(found[sizes[0]][name]):.1f}"
        told = "-" if name.endswith("portion") else ratio  # a small lane has less than a portion of 250 lines
        print(f"| {name} | " + " | ".join(figures) + f" | {told} |")


if __name__ == "__main__":
    main([int(size) for size in sys.argv[1:]] or [1_000, 10_000, 100_000])
