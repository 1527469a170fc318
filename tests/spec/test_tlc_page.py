"""What is shown of TLC's output is that of the tables' configurations, whole."""

import re

import pytest
from spec_tables import Row, rows
from tlc_page import PAGE, told

SECTIONS = dict(re.findall(r"^## (\S+)\n\n```\n(.*?)\n```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL))


def test_the_page_has_the_configurations_of_the_tables_in_their_order():
    assert list(SECTIONS) == [row.name for row in rows()]


@pytest.mark.parametrize("row", list(rows()), ids=lambda row: row.name)
def test_what_tlc_printed_is_what_the_table_says(row: Row):
    output = SECTIONS[row.name]
    ((states, distinct),) = re.findall(r"^(\d+) states generated, (\d+) distinct states found", output, re.MULTILINE)
    assert (f"{int(states):,}", f"{int(distinct):,}") == (row.states, row.distinct)
    if not row.broken:
        assert "No error has been found." in output
        return
    wrong = "Temporal properties were" if row.broken == "liveness" else f"Invariant {row.broken} is"
    assert f"Error: {wrong} violated." in output
    steps = re.findall(r"^(?:State \d+: |Back to state)", output, re.MULTILINE)
    assert len(steps) - 1 == int(row.steps)  # the first is where it begins


def test_of_what_tlc_prints_nothing_is_shown_of_the_machine_or_the_time():
    printed = """Running breadth-first search with 1 worker on 2 cores. [pid: 7] (Linux amd64)
Parsing file /tmp/x/Engine.tla
Finished computing initial states: 1 distinct state generated at 2026-11-28 19:47:16.
State 2: <Claim line 101, col 5 to line 109, col 45 of module Engine>
/\\ mark = 0
Finished in 01s at (2026-11-28 19:47:17)
1108 states generated, 558 distinct states found, 12 states left on queue.
"""
    assert list(told(printed)) == [
        "Finished computing initial states: 1 distinct state generated.",
        "State 2: <Claim line 101, col 5 to line 109, col 45 of module Engine>",
        "1108 states generated, 558 distinct states found, 12 states left on queue.",
    ]
