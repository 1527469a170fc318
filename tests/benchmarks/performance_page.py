"""Writes docs/performance/ from what the benchmarks measured: a page with tables, plots, and ratios to the last run.

The run that the page showed before is kept in docs/performance/last, so that the same page can be written again. Run:
python tests/benchmarks/performance_page.py SYSTEM.json GROWTH.json PLAIN.json
"""

import json
import sys
from pathlib import Path

from page_plots import plot_answers, plot_costs, plot_growth
from page_text import PAGE, keep, page, write


def main() -> None:
    system, sizes, plain = (json.loads(Path(name).read_text("utf-8")) for name in sys.argv[1:4])
    last, last_sizes = keep("system.json", system), keep("growth.json", sizes)
    write(PAGE / "plain.json", plain)
    (PAGE / "README.md").write_text(page(system, sizes, plain, last, last_sizes), "utf-8")
    plot_costs(system)
    plot_answers(system)
    plot_growth(sizes)


if __name__ == "__main__":
    main()
