"""The README shows the table that decides."""

from pathlib import Path

from notifier.domain import table
from notifier.domain.model import Audience

README = Path(__file__).parents[1] / "README.md"
CONDITIONS = {
    table.always: "",
    table.machine_down: " if a machine is down",
    table.was_promised: " if a date was promised",
    table.needed_by: " if a date was asked for",
}


def _cell(entry: table.Entry, audience: Audience) -> str:
    return "; ".join(
        " + ".join(rule.channels) + CONDITIONS[rule.when] for rule in entry.rules if rule.audience is audience
    )


def rendered() -> str:
    lines = ["| event | kind | customer | parts team |", "|---|---|---|---|"]
    for name, entry in table.TABLE.items():
        if entry.rules:
            cells = [name.removeprefix("back-order."), entry.kind, *(_cell(entry, audience) for audience in Audience)]
            lines.append("| " + " | ".join(cell or "none" for cell in cells) + " |")
    return "\n".join(lines)


def test_the_readme_shows_the_table_that_decides():
    shown = README.read_text("utf-8").split("<!-- table -->\n")[1].split("\n<!-- /table -->")[0]
    assert shown == rendered()
