"""What the models leave out is a mistake that somebody notices in the code, too."""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"


def rows(file: str, cells: int) -> list[list[str]]:
    """The rows of all tables of a page that have so many cells."""
    lines = (DOCS / file).read_text("utf-8").splitlines()
    found = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines if line.startswith("| ")]
    return [row for row in found if len(row) == cells]


MODELS = {row[0].strip("`"): row[2].strip("`") for row in rows("spec/README.md", 6)}
SAME = [(row[0].strip("`"), row[1]) for row in rows("spec/README.md", 2) if re.match(r"`\w+/", row[0])]
MISTAKES = {row[0] for page in ("faults.md", "mutants.md") for row in rows(page, 3)}


@pytest.mark.parametrize(("left_out", "mistake"), SAME)
def test_a_mistake_in_a_model_is_one_in_the_code_by_a_name_that_its_table_has(left_out: str, mistake: str) -> None:
    assert MODELS[left_out] != "holds"
    assert mistake in MISTAKES


def test_whatever_breaks_the_engine_s_model_is_a_mistake_in_the_code_too() -> None:
    breaks = {name for name, verdict in MODELS.items() if name.startswith("engine/") and verdict != "holds"}
    assert breaks == {name for name, _ in SAME if name.startswith("engine/")}
