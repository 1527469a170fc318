"""The tests notice when a rule is broken: each of these mistakes makes a named test fail."""

import pytest
from mutant_harness import NOTICED, PASSED, SUMMARY, Mutant, break_copy, copy_of, notice, run, unnoticed, where
from mutant_table import MUTANTS


@pytest.mark.parametrize("mutant", MUTANTS, ids=[mutant.breaks.replace(" ", "-") for mutant in MUTANTS])
def test_somebody_notices(mutant, tmp_path, record_property):
    notice(mutant, tmp_path, record_property)


def test_without_a_mistake_all_of_them_pass_in_the_same_place(tmp_path):
    packages = sorted({mutant.package for mutant in MUTANTS})
    for package in packages:
        copy_of(package, tmp_path)
        assert where(package.name, tmp_path) == tmp_path / package.name / "__init__.py"
    answer, said = run(sorted({test for mutant in MUTANTS for test in mutant.tests}), tmp_path)
    assert answer == PASSED, said[-3000:]


def test_a_mistake_that_no_longer_fits_is_an_error(tmp_path):
    one = MUTANTS[0]
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
