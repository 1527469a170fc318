"""The tables of docs/performance, and the sentences that depend on what a report holds; see performance_page.py.

Reports of before hold less: where something is missing, a table has a dash.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import zip_longest
from typing import Any

from measured import told

WHOLE = ("gap-detector", "broker", "postgres", "priority-router", "notifier", "inventory-sync", "auditor", "generator")
NONE = "-"
FIRST, HALF = 2_000, 12_500  # lines a second that answers have a target at; HALF is half of the whole way's
QUANTILES = ("p50", "p99", "p99.9")
Report = dict[str, Any]


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table; the first column is text, the others are numbers."""
    lines = ["| " + " | ".join(head) + " |", "|---|" + "---:|" * (len(head) - 1)]
    lines += ["| " + " | ".join(_shown(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def _shown(cell: object) -> str:
    return f"{cell:,}" if isinstance(cell, int | float) else str(cell)


def ratio(now: float, before: float | None) -> str:
    """How many times as much as before."""
    return f"{now / before:.2f}" if before else NONE


def comparable(report: Report, last: Report) -> Report:
    """The last run, if it was on the same machine: between machines a ratio would say nothing of the code."""
    return last if last.get("machine") == report["machine"] else {}


def last_run(report: Report, last: Report) -> str:
    """What the ratios are to."""
    if not last:
        return "There is no run before this one to compare with."
    if comparable(report, last):
        return f"The last run is the one that this page showed before: {told(last)}."
    return f"The last run was on another machine ({told(last)}), so that no ratio is shown."


def runs(report: Report) -> str:
    """How often each backlog was drained."""
    times = report["ledger"].get("runs", 1)
    if times == 1:
        return "Each step ran once."
    return f"Each step ran {times} times, each time in a system of its own; all figures are those of the run in the middle."


def targets(report: Report) -> str:
    """What a machine with 2 cores is to reach, and whether this one did."""
    ledger, drain = (report[key]["lines_per_second"] for key in ("ledger", "drain"))
    slow, fast, fixed = (_p99(report, rate) for rate in (FIRST, drain / 2, HALF))
    rows = [
        ("ledger step, lines/s: at least 60,000", ledger, _met(ledger, lambda rate: rate >= 60_000)),
        ("whole way, lines/s: at least 25,000", drain, _met(drain, lambda rate: rate >= 25_000)),
        (f"order-placed → opened at {FIRST:,} lines/s, p99 ms: under 50", slow, _met(slow, lambda ms: ms < 50)),
        ("order-placed → opened at half of the drained rate, p99 ms: under 250", fast, _met(fast, lambda ms: ms < 250)),
        (f"the same at {HALF:,} lines/s, half of what is to be drained", fixed, _met(fixed, lambda ms: ms < 250)),
    ]
    return table(("target", "on the page", "met"), [(what, NONE if n is None else n, met) for what, n, met in rows])


def _p99(report: Report, rate: float) -> float | None:
    near = (each for each in report["latency"] if abs(each["lines_per_second"] - rate) <= rate / 100)
    return next((each["opened"]["p99"] for each in near), None)


def _met(figure: float | None, holds: Callable[[float], bool]) -> str:
    if figure is None:
        return "not measured"
    return "yes" if holds(figure) else "no"


def rates(report: Report, last: Report) -> str:
    """Drained from a backlog, with the processor time of each part."""
    steps = [("ledger step, one process", "ledger"), ("whole way, all services", "drain")]
    rows = []
    for name, key in steps:
        found, before = report[key], comparable(report, last).get(key, {})
        rate, cpu = found["lines_per_second"], found["cpu_ms_per_1000_lines"]
        spread = " to ".join(f"{each:,}" for each in found.get("lines_per_second_range", [])) or NONE
        compared = ratio(rate, before.get("lines_per_second"))
        rows.append((name, rate, spread, compared, *(cpu.get(part, "") for part in WHOLE)))
    return table(("lines from a backlog", "lines/s", "least to most", "÷ last run", *WHOLE), rows)


def queued(report: Report) -> str:
    """When the queue was done, which comes after the ledger (ADR 26); reports of before do not say."""
    rate = report["drain"].get("queued_lines_per_second")
    return f"\n\nThe last line of the whole way stood in the queue, too, at {rate:,} lines/s." if rate else ""


def memory(report: Report, last: Report) -> str:
    """What each process holds at the end of each of the two drains, in MB; empty where it did not run."""
    rows, then = [], comparable(report, last)
    for part in WHOLE:
        row: list[object] = []
        for key in ("ledger", "drain"):
            held, before = report[key]["memory_mb"].get(part), then.get(key, {}).get("memory_mb", {}).get(part)
            row += ("", "") if held is None else (held, ratio(held, before))
        if any(row):
            rows.append((part, *row))
    return table(("MB of memory", "ledger step", "÷ last run", "whole way", "÷ last run"), rows)


def kills(report: Report) -> str:
    """The section of the backlogs in which services were killed; reports of before have none."""
    found = report.get("kills")
    if found is None:
        return ""
    rows = [(name, len(times), min(times), max(times)) for name, times in sorted(found["back_after"].items())]
    back = table(("service", "kills", "back after, least s", "most s"), rows)
    lost, doubled = (sum(found[place][what] for place in ("ledger", "opened", "queue")) for what in ("lost", "doubled"))
    return f"""\
## Killed in the middle of a backlog

The whole way again, in {found["backlogs"]} backlogs of {found["lines"]:,} lines, in each of which every service is killed
with -9 once, at a moment drawn between a tenth and 85 % of it, and started again. At rest each line of the ledger, each
back order that opened, each one of the queue and the numbers of each lane are held against what was published.

Lines lost: {lost}; doubled: {doubled}; lanes with other numbers than they must have: {found["lanes_off"]}. Of
{found["events"]:,} events on `back-order-state` {found["repeated"]:,} came again, with the same `ce_id`, and {found["changed"]} of these had
another content. {found["lines_per_second"]:,} lines/s with {found["kills"]} kills, of which {found["in_the_middle"]} met a backlog, and \
{found["lines_per_second_undisturbed"]:,} in the same
system without: {found["seconds_lost_per_kill"]} seconds lost per kill. The lines wait for the
gap-detector alone, and share the cores with all that starts. A service is back when all of its shards are claimed again:

{back}

"""


def answers(report: Report, last: Report) -> str:
    """How long an answer takes, open loop."""
    before = comparable(report, last).get("latency", [])
    rows = []
    for each, then in zip_longest(report["latency"], before[: len(report["latency"])], fillvalue={}):
        rate = each["lines_per_second"]
        for kind, name in (("opened", "order-placed → opened"), ("allocated", "stock-changed → allocated")):
            times, old = each[kind], then.get(kind, {})
            figures = [times[q] for q in QUANTILES]
            cpu = sum(each["cpu_percent"].values())
            rows.append(
                (f"{name} at {rate:,} lines/s", *figures, times["count"], ratio(times["p99"], old.get("p99")), cpu)
            )
    head = ("from → to", "p50 ms", "p99 ms", "p99.9 ms", "events", "p99 ÷ last run", "CPU %")
    said = f"{_missing(report['latency'])} CPU is that of all processes together; a core is 100 %."
    return f"{table(head, rows)}\n\n{said}{_asked(report)}{_other_rates(before)}"


def _asked(report: Report) -> str:
    """Which rates these are; reports of before have shares only."""
    shares = "\nThe rates after the first are a quarter, half and three quarters of what the same run drained"
    if _p99(report, HALF) is None:
        return f"{shares}."
    return f"{shares}, and\n{HALF:,}: half of what is to be drained at least."


def _other_rates(before: Sequence[Report]) -> str:
    if not before:
        return ""
    asked = ", ".join(f"{each['lines_per_second']:,}" for each in before[1:4])
    return f"\nSo a ratio is one of different rates there: those of the last run were {asked} lines/s."


def ledger_growth(sizes: Report, last: Report) -> str:
    """The ledger step by lanes, and by open back orders."""
    before = dict(_steps(comparable(sizes, last)))
    parts = ("gap-detector", "broker", "postgres")
    rows = []
    for size, each in _steps(sizes):
        if not each:
            rows.append((size, *[NONE] * (2 + len(parts))))
            continue
        rate, then = each["lines_per_second"], before.get(size, {})
        compared = ratio(rate, then.get("lines_per_second"))
        spent = [f"{each['cpu_ms_per_1000_lines'][part]} / {each['memory_mb'][part]}" for part in parts]
        rows.append((size, rate, compared, *spent))
    return table(("ledger step", "lines/s", "÷ last run", *(f"{part} ms / MB" for part in parts)), rows)


def _steps(sizes: Report) -> Iterator[tuple[str, Report]]:
    """Each size with the figures of its ledger step; before, it was not measured by open back orders."""
    yield from ((f"{each['lanes']:,} lanes", each) for each in sizes.get("by_lanes", []))
    yield from ((f"{each['open']:,} open", each.get("ledger", {})) for each in sizes.get("by_open", []))


def whole_growth(sizes: Report, last: Report) -> str:
    """The whole way by lanes and by open back orders: drained, and how long an answer takes."""
    before = dict(_whole(comparable(sizes, last)))
    rows = [(size, *_drained_and_answered(each, before.get(size, {}))) for size, each in _whole(sizes)]
    shares = " / ".join(QUANTILES)
    head = ("lines/s", "÷ last run", f"opened {shares} ms", "p99 ÷ last run", f"allocated {shares} ms", "CPU %")
    return table(("whole way", *head), rows)


def _drained_and_answered(each: Report, then: Report) -> list[object]:
    if not each:
        return [NONE] * 6
    drained, answered = each["drain"]["lines_per_second"], each["latency"]
    opened, allocated = (" / ".join(_shown(answered[kind][q]) for q in QUANTILES) for kind in ("opened", "allocated"))
    return [
        drained,
        ratio(drained, then["drain"]["lines_per_second"] if then else None),
        opened,
        ratio(answered["opened"]["p99"], then["latency"]["opened"]["p99"] if then else None),
        allocated,
        sum(answered["cpu_percent"].values()),
    ]


def growth_answers(sizes: Report) -> str:
    """How the answers were asked for, and whether all came."""
    timed = [each["latency"] for _, each in _whole(sizes) if each]
    asked = f"{timed[0]['lines_per_second']:,} lines/s for {timed[0]['seconds']} seconds"
    return f"Answers are those at {asked}, of which the first quarter is not counted. {_missing(timed)}"


def _missing(timed: Sequence[Report]) -> str:
    unseen = [each[kind].get("unseen") for each in timed for kind in ("opened", "allocated")]
    if None in unseen:
        return "Whether all came was not written down."
    missing = sum(unseen)
    return f"{missing} answers that were due did not come." if missing else "All answers that were due came."


def growth_costs(sizes: Report) -> str:
    """The whole way: what each part takes from a backlog and at the steady rate, and what it holds in the end."""
    found = [(size, each) for size, each in _whole(sizes) if each]
    rows = []
    for part in WHOLE:
        row = []
        for _, each in found:
            used = each["drain"]["cpu_ms_per_1000_lines"], each["latency"]["cpu_percent"], each["memory_mb"]
            row.append(" / ".join(_shown(of.get(part, NONE)) for of in used))
        rows.append((part, *row))
    return table(("ms / % / MB", *(size for size, _ in found)), rows)


def _whole(sizes: Report) -> Iterator[tuple[str, Report]]:
    """Each size with the figures of its whole way; before they were measured by lanes too, there are none of these."""
    yield from ((f"{each['lanes']:,} lanes", each.get("whole", {})) for each in sizes.get("by_lanes", []))
    yield from ((f"{each['open']:,} open", each) for each in sizes.get("by_open", []))


def beside(report: Report) -> str:
    """Our ledger step and the plain one, with how many times as much ours is."""
    figures = (("lines_per_second", "lines/s from a backlog"), ("p50", "p50 ms"), ("p99", "p99 ms"))
    rows = [
        (name, report["plain"][key], report["ours"][key], ratio(report["ours"][key], report["plain"][key]))
        for key, name in figures
    ]
    return table(("", "plain", "ours", "ours ÷ plain"), rows)
