"""TLC agrees with the tables of `docs/spec/README.md`: what is said to hold holds, and each mutant is found out."""

import re
from pathlib import Path

import pytest
from spec_tables import MODULES, SPEC, Row, rows

from backorder_dev.tlc import TlcError, Verdict, check

pytestmark = pytest.mark.spec


def left_out(configuration: Path) -> set[str]:
    (line,) = re.findall(r"^ +Without = \{(.*)\}$", configuration.read_text(), re.MULTILINE)
    return set(re.findall(r'"([\w-]+)"', line))


@pytest.mark.parametrize("row", list(rows()), ids=lambda row: row.name)
def test_tlc_finds_what_the_table_says(row: Row) -> None:
    found = check(MODULES[row.folder], row.configuration, seconds=1800)
    assert (found.verdict, found.broken or "") == (
        Verdict.VIOLATED if row.broken else Verdict.HOLDS,
        row.broken,
    ), found.counterexample
    if row.broken != "liveness":  # TLC does not look for the shortest lasso
        assert str(len(found.steps) or "") == row.steps
    if not row.broken:
        assert f"{found.distinct:,}" == row.distinct, "the model has another size than the table says"


def test_every_configuration_is_in_a_table() -> None:
    there = {f"{folder}/{path.stem}" for folder in MODULES for path in (SPEC / folder).glob("*.cfg")}
    assert there == {row.name for row in rows()}


@pytest.mark.parametrize("folder", MODULES)
def test_every_rule_is_missed_by_some_mutant(folder: str) -> None:
    rules = MODULES[folder].read_text().split("Rules ==")[1].split("ASSUME")[0]
    named = set(re.findall(r'"([\w-]+)"', rules))
    missed = [left_out(row.configuration) for row in rows() if row.folder == folder and row.broken]
    assert named == set().union(*missed)


def test_a_wrong_specification_is_an_error_and_no_verdict(tmp_path: Path) -> None:
    module, configuration = tmp_path / "Wrong.tla", tmp_path / "wrong.cfg"
    module.write_text("---- MODULE Wrong ----\nInit == x = 1\n====\n")
    configuration.write_text("INIT Init\nNEXT Init\n")
    with pytest.raises(TlcError, match="Unknown operator"):
        check(module, configuration)
