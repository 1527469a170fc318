"""The tests notice when a rule is broken: each of these mistakes makes a named test fail."""

import pytest
from mutant_harness import NOTICED, PASSED, Mutant, break_copy, copy_of, notice, run, where
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
