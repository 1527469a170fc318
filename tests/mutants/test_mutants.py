"""The services' defences are watched: whoever breaks one makes a named test fail, and docs/mutants.md says which."""

import asyncio
from collections import defaultdict
from pathlib import Path

import ledger_table
import notifier_table
import pytest
import queue_table
import router_mutants
import supply_mutants
import supply_table
from given_stack import given
from mutant_harness import (
    NOTICED,
    PASSED,
    ROOT,
    SUMMARY,
    Mutant,
    break_copy,
    copy_of,
    ids,
    notice,
    row,
    row_of,
    run,
    those_that_notice,
    unnoticed,
    where,
)

TABLES = (ledger_table, queue_table, supply_table, notifier_table)
ALONE = tuple(mutant for table in TABLES for mutant in table.MUTANTS)
ON_A_STACK = tuple(mutant for table in TABLES for mutant in table.ON_A_STACK)


def copy_all(mutants, folder):
    for package in sorted({mutant.package for mutant in mutants}):
        copy_of(package, folder)
        assert where(package.name, folder) == folder / package.name / "__init__.py"


@pytest.mark.parametrize("mutant", ALONE, ids=ids(ALONE))
def test_somebody_notices(mutant, tmp_path, record_property):
    notice(mutant, tmp_path, record_property)


def test_without_a_mistake_all_of_them_pass_in_the_same_place(tmp_path):
    copy_all(ALONE, tmp_path)
    answer, said = run(those_that_notice(ALONE), tmp_path)
    assert answer == PASSED, said[-3000:]


@pytest.mark.parametrize("mutant", ON_A_STACK, ids=ids(ON_A_STACK))
async def test_somebody_notices_on_a_real_database(mutant, tmp_path, record_property, stack):
    await asyncio.to_thread(notice, mutant, tmp_path, record_property, **given(stack))


async def test_without_a_mistake_all_of_those_pass_too(tmp_path, stack):
    copy_all(ON_A_STACK, tmp_path)
    answer, said = await asyncio.to_thread(run, those_that_notice(ON_A_STACK), tmp_path, **given(stack))
    assert answer == PASSED, said[-3000:]


def test_the_table_of_the_docs_is_this_one():
    tables = defaultdict(list)
    for mutant in (*ALONE, *ON_A_STACK):
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


def test_a_mistake_that_no_longer_fits_is_an_error(tmp_path):
    one = ALONE[0]
    with pytest.raises(AssertionError, match="0 times, not once"):
        break_copy(Mutant(one.breaks, one.file, "text that is not there", "", one.tests), tmp_path)


def test_a_test_that_does_not_exist_catches_nothing(tmp_path):
    answer, _ = run(("services/gap-detector/tests/test_losses.py::test_no_such_test",), tmp_path)
    assert answer not in {NOTICED, PASSED}


@pytest.mark.parametrize(
    "failed",
    [
        "t/test_a.py::test_one - assert 1 == 2",
        "t/test_a.py::test_one",
        "t/test_a.py::test_one[lossy] - assert 1 == 2",
    ],
    ids=["with its reason", "without", "one case of it"],
)
def test_a_test_that_failed_has_noticed_and_so_has_its_file(failed):
    said = f"ERROR    of the service: a line of its log\n=== {SUMMARY} ===\nFAILED {failed}\n1 failed"
    assert unnoticed(("t/test_a.py::test_one",), said) == []
    assert unnoticed(("t/test_a.py",), said) == []


def test_each_test_that_is_named_must_fail_itself():
    said = f"=== {SUMMARY} ===\nFAILED t/test_a.py::test_one_more - assert\nFAILED t/test_a.py::test_two[x] - assert"
    named = ("t/test_a.py::test_one", "t/test_a.py::test_two", "t/test_a.py::test_two[y]", "t/test_b.py")
    assert unnoticed(named, said) == [named[0], named[2], named[3]]


def test_what_breaks_outside_of_a_test_notices_nothing():
    broken = "ERROR t/test_a.py::test_one - a fixture"
    said = f"=== {SUMMARY} ===\nFAILED t/test_a.py::test_one - assert\n{broken}\n1 failed, 1 error"
    assert unnoticed(("t/test_a.py::test_one",), said) == [broken]


def test_a_mistake_that_cannot_run_is_none():
    broken = "t/test_a.py::test_one - NameError: name 'stand' is not defined"
    said = f"=== {SUMMARY} ===\nFAILED {broken}\n1 failed"
    assert unnoticed(("t/test_a.py::test_one",), said) == [broken]
