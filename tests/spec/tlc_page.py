"""Write `docs/spec/tlc.md`: what TLC prints for each configuration, but for the values of its states.

Run: python tests/spec/tlc_page.py, which takes as long as `make spec`
"""

import re
from collections.abc import Iterator

from spec_tables import MODULES, SPEC, Row, rows

from backorder_dev.tlc import check

PAGE = SPEC / "tlc.md"
# without what differs from run to run: times, processes, folders
_TOLD = re.compile(
    r"^(?:TLC2 Version|Error: |State \d+: |\d+: |Back to state|Model checking completed|The depth of the complete state "
    r"graph|[\d,]+ states generated, |Finished computing initial states: [^:]*$|Checking temporal properties for the complete [^:]*$)"
)
_MOMENT = re.compile(r" at \(?\d{4}-\d\d-\d\d [\d:]+\)?")
_HEAD = """<!-- written by tests/spec/tlc_page.py; what the configurations are stands in README.md -->
# What TLC prints

For each configuration of [the tables](README.md), in their order. Left out are the values of the variables in each state of
a counterexample, which are long, and what is of the machine that it ran on; `python -m backorder_dev.tlc --trace` prints them.
"""


def told(output: str) -> Iterator[str]:
    """The lines of TLC's output that are the same wherever and whenever it runs."""
    for line in _MOMENT.sub("", output).splitlines():
        if _TOLD.match(line):
            yield line


def _section(row: Row) -> str:
    lines = "\n".join(told(check(MODULES[row.folder], row.configuration, seconds=1800).output))
    return f"\n## {row.name}\n\n```\n{lines}\n```\n"


def main() -> None:
    PAGE.write_text(_HEAD + "".join(map(_section, rows())), "utf-8")


if __name__ == "__main__":
    main()
