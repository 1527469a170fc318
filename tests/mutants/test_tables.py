"""The tables of mistakes fit the code and the docs; `make check` asks, so that who changes a line hears of it at once."""

from collections import defaultdict
from pathlib import Path

import pytest
import router_mutants
import supply_mutants
from mutant_harness import ROOT, broken, ids, row, row_of
from mutant_tables import ENGINE, ENGINE_ON_A_STACK, SERVICES, SERVICES_ON_A_STACK

ALL = (*ENGINE, *ENGINE_ON_A_STACK, *SERVICES, *SERVICES_ON_A_STACK)


@pytest.mark.parametrize("mutant", ALL, ids=ids(ALL))
def test_a_mistake_fits_the_code_and_names_tests_that_are_there(mutant):
    assert broken(mutant)
    for test in mutant.tests:
        file, _, name = test.partition("::")
        assert f"def {name.partition('[')[0]}" in (ROOT / file).read_text("utf-8"), test


def test_the_table_of_the_engine_in_the_docs_is_this_one():
    rows = [row_of(mutant) for mutant in (*ENGINE, *ENGINE_ON_A_STACK)]
    page = (ROOT / "docs" / "faults.md").read_text("utf-8")
    there = [line for line in page.splitlines() if line.startswith("| ") and "::test_" in line]
    assert there == rows, "\n".join(["docs/faults.md should have:", *rows])


def test_the_tables_of_the_services_in_the_docs_are_these():
    tables = defaultdict(list)
    for mutant in (*SERVICES, *SERVICES_ON_A_STACK):
        tables[Path(mutant.file).parts[1]].append(row_of(mutant))
    for breaks, file, _, _, test_file, test in router_mutants.MUTANTS:
        tables["priority-router"].append(row(breaks, file, f"{test_file}.py::{test}"))
    for breaks, module, _, _ in supply_mutants.MUTANTS:
        tables["inventory-sync"].append(row(breaks, f"{module}.py", "supply_oracle.py::check"))
    there = defaultdict(list)
    service = None
    for line in (ROOT / "docs" / "mutants.md").read_text("utf-8").splitlines():
        service = line.removeprefix("## ") if line.startswith("## ") else service
        if line.startswith("| ") and "::" in line:
            there[service].append(line)
    should = "\n".join(line for name, rows in tables.items() for line in (f"## {name}", *rows))
    assert there == tables, f"docs/mutants.md should have:\n{should}"
