"""The plots of docs/performance; see performance_page.py. Apart from it, since only they need matplotlib."""

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
from page_tables import WHOLE, Report
from page_text import PAGE


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
    answered = sorted(report["latency"], key=lambda each: each["lines_per_second"])
    asked = [each["lines_per_second"] for each in answered]
    for n, kind in enumerate(("opened", "allocated")):
        for q, style in (("p50", "-"), ("p99", "--"), ("p99.9", ":")):
            axes.plot(
                asked,
                [each[kind][q] for each in answered],
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
    _p99(left, [(x["lanes"], x["whole"]) for x in lanes if "whole" in x])
    _p99(right, [(x["open"], x) for x in waiting])
    for axes in (left, right):
        axes.grid(visible=True, alpha=0.3)
    _save(figure, "growth.png")


def _p99(axes: Any, sizes: Sequence[tuple[int, Report]]) -> None:
    """The 99th percentile from an order to its back order, against an axis of its own."""
    if not sizes:
        return
    times = [each["latency"]["opened"]["p99"] for _, each in sizes]
    other = axes.twinx()
    other.plot([size for size, _ in sizes], times, "--", color="C1", marker="o")
    other.set_ylim(0, 1.1 * max(times))
    other.set_ylabel("opened p99, ms", color="C1")


def _save(figure: Any, name: str) -> None:
    figure.tight_layout()
    figure.savefig(PAGE / name, dpi=110)
    plt.close(figure)
