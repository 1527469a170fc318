"""A report for people and for programs."""

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from auditor.domain.report import Report
from backorder_runtime.outbox import rfc3339


def as_json(report: Report) -> dict[str, Any]:
    """Everything that the report says."""
    return {
        "at": rfc3339(report.at),
        "seconds": round(report.seconds, 3),
        "lanes_checked": report.checked,
        "lines_checked": report.lines,
        "lanes_in_flight": report.in_flight,
        "lanes_drifting": report.drifting,
        "lanes_owing": report.owing,
        "drifts": [
            {
                "lane": drift.lane,
                "findings": [
                    {
                        "identity": finding.identity.value,
                        "expected": finding.expected,
                        "found": finding.found,
                        "involved": list(finding.involved),
                    }
                    for finding in drift.findings
                ],
                "more": drift.more,
            }
            for drift in report.drifts
        ],
        "debts": [{"lane": debt.lane, "units": debt.units} for debt in report.debts],
    }


def show(report: Report, console: Console) -> None:
    """The report as a summary and a table of what drifts."""
    console.print(
        f"{report.at:%Y-%m-%d %H:%M:%S} UTC: {report.checked} lanes with {report.lines} open lines compared "
        f"in {report.seconds:.1f} s, {report.in_flight} left out because messages were under way"
    )
    if report.owing:
        debts = ", ".join(f"{debt.lane} ({debt.units})" for debt in report.debts[:10])
        more = ", …" if report.owing > len(report.debts[:10]) else ""
        console.print(f"{report.owing} lanes owe units that were lost after their release: {debts}{more}", markup=False)
    if not report.drifting:
        console.print("no drift")
        return
    table = Table("lane", "identity", "expected", "found", "involved", title="Drift", title_justify="left")
    for drift in report.drifts:
        name = drift.lane
        for finding in drift.findings:
            cells = (name, finding.identity.value, finding.expected, finding.found, "\n".join(finding.involved))
            table.add_row(*(Text(cell) for cell in cells))
            name = ""
        if drift.more:
            table.add_row("", Text(f"and {drift.more} more findings about lines"))
    console.print(table)
    hidden = report.drifting - len(report.drifts)
    console.print(f"{report.drifting} lanes drift" + (f", {hidden} of them not shown" if hidden else ""))
