"""The end of the demo in print: the checked numbers, where the mails are, how to look further."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from backorder_dev.demo.account import Account
from backorder_dev.demo.board import Board
from backorder_dev.demo.checks.finding import Finding
from backorder_dev.demo.letters import open_mail
from backorder_dev.demo.records import Evidence
from backorder_dev.endpoints import Endpoints

_SHOWN_LINES = 14
_OF_THE_EMERGENCY = "parts@c-2.example"
_ANSWERS = {
    "none suppressed": "for nobody (not subscribed)",
    "email suppressed": "email overtaken by newer news",
    "push suppressed": "push overtaken by newer news",
}


def print_findings(console: Console, findings: Sequence[Finding]) -> None:
    """The table of numbers, and what is wrong with those that are."""
    table = Table(title="what was published, held against what the demo itself knows", title_justify="left")
    table.add_column("number")
    table.add_column("expected", justify="right", overflow="fold")
    table.add_column("found", justify="right", overflow="fold")
    table.add_column("")
    for finding in findings:
        mark = "[green]✓[/]" if finding.ok else "[bold red]✗[/]"
        table.add_row(finding.what, finding.expected, finding.found, mark)
    console.print(table)
    wrong = [finding for finding in findings if not finding.ok]
    for finding in wrong:
        console.print(f"✗ {finding.what}: {finding.detail or finding.found}", style="red", markup=False)
    console.print(
        f"{len(wrong)} of {len(findings)} numbers are wrong" if wrong else f"all {len(findings)} numbers are right",
        style="bold red" if wrong else "bold green",
    )


def print_figures(console: Console, board: Board, evidence: Evidence) -> None:
    """How much there was, and how fast it went."""
    lines = len(Account.of(evidence.sent).lines)
    ways = ", ".join(f"{count:,} {_ANSWERS.get(what, what)}" for what, count in sorted(board.outcomes.items()))
    types = ", ".join(f"{count:,} {name}" for name, count in board.types.most_common())
    console.print(f"{len(evidence.sent):,} records in, {lines:,} order lines; {board.events:,} events out: {types}")
    for name, latency in (("order → opened", board.to_opened), ("stock → allocated", board.to_allocated)):
        median, high = latency.quantile(50), latency.quantile(99)
        if median is not None and high is not None:
            console.print(f"{name}: half within {median * 1000:.0f} ms, 99 of 100 within {high * 1000:.0f} ms")
    console.print(f"notifications: {ways}", markup=False)


def print_mail(console: Console, endpoints: Endpoints, evidence: Evidence) -> None:
    """Where the mails are, and one of them."""
    folder = Path(endpoints.mailbox)
    console.print(
        f"\n{len(evidence.mails):,} mails in {folder}, {len(evidence.pushes):,} push messages in {endpoints.push}"
    )
    if not evidence.mails:
        return
    one = next((mail for mail in reversed(evidence.mails) if mail.to == _OF_THE_EMERGENCY), evidence.mails[-1])
    mail = open_mail(folder / one.name)
    body = mail.get_body(("plain",))
    text = body.get_content().strip().splitlines() if body is not None else []
    console.print(f"one of them, {one.name}:", markup=False)
    for line in [f"To: {mail['To']}", f"Subject: {mail['Subject']}", "", *text[:_SHOWN_LINES]]:
        console.print(f"    {line}", markup=False, highlight=False, style="dim")


def print_further(console: Console, endpoints: Endpoints, run_dir: Path) -> None:
    """How to look further while all of it is up."""
    elsewhere = "" if run_dir == Path(".run").resolve() else f" --run-dir {run_dir}"
    console.print("\nLook further:")
    rows = [
        ("everything by name", str(run_dir / "endpoints.json")),
        ("what runs", f"backorder status{elsewhere}"),
        ("a topic, as it comes", f"backorder demo read back-order-state{elsewhere}"),
        ("the same with kcat", f"kcat -b {endpoints.kafka} -C -t back-order-state -o beginning -f '%h %k %s\\n'"),
        ("refused records", f"backorder demo read gap-detector.dead-letter{elsewhere}"),
        ("logs", str(run_dir / "logs")),
        *((f"metrics of {name}", service["metrics"]) for name, service in endpoints.services.items()),
    ]
    if endpoints.console:
        rows.insert(0, ("dashboard", endpoints.console))
    table = Table.grid(padding=(0, 2))
    for row in rows:
        table.add_row(*row)
    console.print(table)
    console.print("\nEverything stays up; Ctrl-C stops it.")
