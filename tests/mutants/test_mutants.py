"""The services' defences are watched: whoever breaks one makes a named test fail; docs/mutants.md says which."""

import asyncio

import pytest
from given_stack import given
from mutant_harness import (
    NOTICED,
    PASSED,
    SUMMARY,
    Mutant,
    break_copy,
    copy_of,
    ids,
    notice,
    run,
    those_that_notice,
    unnoticed,
    where,
)
from mutant_tables import SERVICES, SERVICES_ON_A_STACK


def copy_all(mutants, folder):
    for package in sorted({mutant.package for mutant in mutants}):
        copy_of(package, folder)
        assert where(package.name, folder) == folder / package.name / "__init__.py"


@pytest.mark.parametrize("mutant", SERVICES, ids=ids(SERVICES))
def test_somebody_notices(mutant, tmp_path, record_property):
    notice(mutant, tmp_path, record_property)


def test_without_a_mistake_all_of_them_pass_in_the_same_place(tmp_path):
    copy_all(SERVICES, tmp_path)
    answer, said = run(those_that_notice(SERVICES), tmp_path)
    assert answer == PASSED, said[-3000:]


@pytest.mark.parametrize("mutant", SERVICES_ON_A_STACK, ids=ids(SERVICES_ON_A_STACK))
async def test_somebody_notices_on_a_real_database(mutant, tmp_path, record_property, stack):
    await asyncio.to_thread(notice, mutant, tmp_path, record_property, **given(stack))


async def test_without_a_mistake_all_of_those_pass_too(tmp_path, stack):
    copy_all(SERVICES_ON_A_STACK, tmp_path)
    answer, said = await asyncio.to_thread(run, those_that_notice(SERVICES_ON_A_STACK), tmp_path, **given(stack))
    assert answer == PASSED, said[-3000:]


def test_a_mistake_that_no_longer_fits_is_an_error(tmp_path):
    one = SERVICES[0]
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
