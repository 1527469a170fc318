"""The tables and the harness are plain modules, two of the tables beside their services' tests; all is printed."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
for service in ("priority-router", "inventory-sync"):
    sys.path.insert(0, str(HERE.parents[1] / "services" / service / "tests"))
sys.path.insert(0, str(HERE))


def pytest_terminal_summary(terminalreporter):
    """One line per mutant: what was broken, who noticed, after how long."""
    rows = [
        (dict(report.user_properties), report.outcome)
        for kind in ("passed", "failed")
        for report in terminalreporter.getreports(kind)
        if report.when == "call" and "mutant" in dict(report.user_properties)
    ]
    if not rows:
        return
    terminalreporter.section("mutants")
    for row, outcome in rows:
        caught = f"caught by {row['caught']} ({row['seconds']:.1f} s)" if outcome == "passed" else "NOT CAUGHT"
        terminalreporter.write_line(f"{row['package']:16} {row['mutant']:52} {caught}")
