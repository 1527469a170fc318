"""Writes docs/performance/ from what the benchmarks measured: a page with tables, plots, and ratios to the last run.

Run: python tests/benchmarks/performance_page.py SYSTEM.json GROWTH.json PLAIN.json
"""

import json
import shutil
import sys
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt

PAGE = Path(__file__).parents[2] / "docs" / "performance"
WHOLE = ("gap-detector", "broker", "postgres", "priority-router", "notifier", "inventory-sync", "auditor", "generator")
Report = dict[str, Any]


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table; the first column is text, the others are numbers."""
    lines = ["| " + " | ".join(head) + " |", "|---|" + "---:|" * (len(head) - 1)]
    lines += ["| " + " | ".join(_shown(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def _shown(cell: object) -> str:
    return f"{cell:,}" if isinstance(cell, int | float) else str(cell)


def ratio(now: float, before: float | None) -> str:
    """How many times as much as in the last run."""
    return f"{now / before:.2f}" if before else "first run"


def rates(report: Report, last: Report) -> str:
    """Drained from a backlog, with the processor time of each part."""
    steps = [("ledger step, one process", "ledger"), ("whole way, all services", "drain")]
    rows = []
    for name, key in steps:
        found, before = report[key], last.get(key, {})
        cpu = found["cpu_ms_per_1000_lines"]
        rows.append(
            (
                name,
                found["lines_per_second"],
                ratio(found["lines_per_second"], before.get("lines_per_second")),
                *(cpu.get(part, "") for part in WHOLE),
            )
        )
    return table(("lines from a backlog", "lines/s", "÷ last run", *WHOLE), rows)


def memory(report: Report, last: Report) -> str:
    """What each process holds at the end of each of the two drains, in MB; empty where it did not run."""
    rows = []
    for part in WHOLE:
        row: list[object] = []
        for key in ("ledger", "drain"):
            held, before = report[key]["memory_mb"].get(part), last.get(key, {}).get("memory_mb", {}).get(part)
            row += ("", "") if held is None else (held, ratio(held, before))
        if any(row):
            rows.append((part, *row))
    return table(("MB of memory", "ledger step", "÷ last run", "whole way", "÷ last run"), rows)


def answers(report: Report, last: Report) -> str:
    """How long an answer takes, open loop."""
    # the rates of one run are shares of what it drained, so they differ a little from those of the last
    before = last.get("latency", [])
    rows = []
    for each, then in zip_longest(report["latency"], before[: len(report["latency"])], fillvalue={}):
        rate = each["lines_per_second"]
        for kind, name in (("opened", "order-placed → opened"), ("allocated", "stock-changed → allocated")):
            times, old = each[kind], then.get(kind, {})
            figures = [times[q] for q in ("p50", "p99", "p99.9")]
            cpu = sum(each["cpu_percent"].values())
            rows.append(
                (f"{name} at {rate:,} lines/s", *figures, times["count"], ratio(times["p99"], old.get("p99")), cpu)
            )
    missing = sum(each[kind]["unseen"] for each in report["latency"] for kind in ("opened", "allocated"))
    head = ("from → to", "p50 ms", "p99 ms", "p99.9 ms", "events", "p99 ÷ last run", "CPU %")
    said = f"{missing} answers that were due did not come." if missing else "All answers that were due came."
    return f"{table(head, rows)}\n\n{said} CPU is that of all processes together; a core is 100 %."


def growth(report: Report) -> tuple[str, str]:
    """By lanes, and by open back orders."""
    lanes = [
        (f"{each['lanes']:,} lanes", each["lines_per_second"], each["memory_mb"]["gap-detector"])
        for each in report["by_lanes"]
    ]
    waiting = []
    for each in report["by_open"]:
        times, memory = each["latency"]["opened"], each["memory_mb"]
        figures = (times["p50"], times["p99"], memory["gap-detector"], memory["priority-router"], memory["postgres"])
        waiting.append((f"{each['open']:,} open", each["drain"]["lines_per_second"], *figures))
    return (
        table(("", "ledger step, lines/s", "gap-detector MB"), lanes),
        table(
            ("", "whole way, lines/s", "opened p50 ms", "p99 ms", "gap-detector MB", "router MB", "postgres MB"),
            waiting,
        ),
    )


def beside(report: Report) -> str:
    """Our ledger step and the plain one, with how many times as much ours is."""
    figures = (("lines_per_second", "lines/s from a backlog"), ("p50", "p50 ms"), ("p99", "p99 ms"))
    rows = [
        (name, report["plain"][key], report["ours"][key], ratio(report["ours"][key], report["plain"][key]))
        for key, name in figures
    ]
    return table(("", "plain", "ours", "ours ÷ plain"), rows)


def plot_costs(report: Report) -> None:
    """Where the processor time of a line goes."""
    figure, axes = plt.subplots(figsize=(8, 3))
    for row, key in enumerate(("drain", "ledger")):
        left = 0.0
        for n, part in enumerate(WHOLE):
            used = report[key]["cpu_ms_per_1000_lines"].get(part, 0)
            axes.barh(row, used, left=left, color=f"C{n}", label=part if key == "drain" else None)
            left += used
    axes.set_yticks([0, 1], ["whole way", "ledger step"])
    axes.set_xlabel("processor time per 1,000 lines, ms")
    axes.legend(fontsize=7, ncols=4, loc="upper center", bbox_to_anchor=(0.5, -0.22))
    _save(figure, "costs.png")


def plot_answers(report: Report) -> None:
    """How long an answer takes against how much is asked."""
    figure, axes = plt.subplots(figsize=(8, 4))
    asked = [each["lines_per_second"] for each in report["latency"]]
    for n, kind in enumerate(("opened", "allocated")):
        for q, style in (("p50", "-"), ("p99", "--"), ("p99.9", ":")):
            axes.plot(
                asked,
                [each[kind][q] for each in report["latency"]],
                style,
                color=f"C{n}",
                marker="o",
                label=f"{kind} {q}",
            )
    axes.set(xlabel="order lines a second", ylabel="ms from the scheduled time", yscale="log")
    axes.grid(visible=True, alpha=0.3)
    axes.legend(fontsize=8)
    _save(figure, "answers.png")


def plot_growth(report: Report) -> None:
    """Rates and answers against size."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.5))
    lanes = report["by_lanes"]
    left.plot([x["lanes"] for x in lanes], [x["lines_per_second"] for x in lanes], marker="o")
    left.set(
        xscale="log",
        xlabel="lanes",
        ylabel="ledger step, lines/s",
        ylim=(0, 1.1 * max(x["lines_per_second"] for x in lanes)),
    )
    waiting = report["by_open"]
    right.plot([x["open"] for x in waiting], [x["drain"]["lines_per_second"] for x in waiting], marker="o")
    right.set(
        xscale="log",
        xlabel="open back orders",
        ylabel="whole way, lines/s",
        ylim=(0, 1.1 * max(x["drain"]["lines_per_second"] for x in waiting)),
    )
    for axes in (left, right):
        axes.grid(visible=True, alpha=0.3)
    _save(figure, "growth.png")


def _save(figure: Any, name: str) -> None:
    figure.tight_layout()
    figure.savefig(PAGE / name, dpi=110)
    plt.close(figure)


def page(system: Report, sizes: Report, plain: Report, last: Report) -> str:
    """The page as it is written."""
    by_lanes, by_open = growth(sizes)
    return f"""\
<!-- written by tests/benchmarks/performance_page.py from `make bench`; what the figures mean stands in ceiling.md -->
# Measured

{system["machine"]}, {system["at"]}; broker, database and services share the cores, and the database syncs to disk
(`max_wal_size` 8 GB, as in the production overlay). {system["lanes"]:,} lanes, of which a few are asked for much more
often than most (Zipf, exponent 0.8); an order has 3 lines, one line in ten is short.
[What the figures mean, and what limits them](ceiling.md); [an hour at a steady load](soak.md).

## Rate

A backlog stands in its topic before the clock starts. Milliseconds of processor time per 1,000 lines stand behind the
rate; `generator` is the measurement itself, which reads what subscribers see. The last run is the one that this page
showed before.

{rates(system, last)}

![Processor time](costs.png)

What a process and its children hold when the last line of a backlog is through: memory of their own, and their part of
what they share.

{memory(system, last)}

## Answers

Every event is published at its scheduled time by a process of its own, whatever the system does, and the answer counts
from that time until a subscriber has it. A second after an order, one unit comes for each of its short lines, but for no
more than 200 lines a second. Beyond what the machine takes, the wait grows for as long as the measurement lasts.

{answers(system, last)}

![Answers](answers.png)

## Beside a plain consumer

The ledger step, and the same step as one would write it without an engine
([plain_ledger.py](../../tests/benchmarks/plain_ledger.py)): aiokafka in batches of {plain["batch"]:,} lines and asyncpg, one
transaction for each, its events published before the offsets. That loses no line, but publishes twice what it was killed
over, has one process do everything, and knows orders and stock only: no cancellation, shipment, dead letter or trace.
Measured {plain["at"]} on {plain["machine"]}: medians of {plain["pairs"]} runs of each, in turns. The answer is that from an order
line to its back order at 2,000 lines a second, one record for each, when nothing else runs.

{beside(plain)}

## Growth

Measured {sizes["at"]}, in a run of its own.

{by_lanes}

{by_open}

![Growth](growth.png)
"""


def main() -> None:
    system, sizes, plain = (json.loads(Path(name).read_text("utf-8")) for name in sys.argv[1:4])
    PAGE.mkdir(parents=True, exist_ok=True)
    kept = PAGE / "system.json"
    last = json.loads(kept.read_text("utf-8")) if kept.exists() else {}
    (PAGE / "README.md").write_text(page(system, sizes, plain, last), "utf-8")
    plot_costs(system)
    plot_answers(system)
    plot_growth(sizes)
    shutil.copyfile(sys.argv[1], kept)
    shutil.copyfile(sys.argv[2], PAGE / "growth.json")
    shutil.copyfile(sys.argv[3], PAGE / "plain.json")


if __name__ == "__main__":
    main()
