"""What the models leave out is a mistake that somebody notices in the code, too."""

import pytest
from spec_tables import MODULES, SPEC, cells_of, rows

BROKEN = {row.name: row.broken for row in rows()}
SAME = [tuple(cells) for cells in cells_of(SPEC / "README.md") if len(cells) == 2 and cells[0].split("/")[0] in MODULES]
MISTAKES = {
    cells[0] for page in ("faults.md", "mutants.md") for cells in cells_of(SPEC.parent / page) if len(cells) == 3
}


@pytest.mark.parametrize(("left_out", "mistake"), SAME)
def test_a_mistake_in_a_model_is_one_in_the_code_by_a_name_that_its_table_has(left_out: str, mistake: str) -> None:
    assert BROKEN[left_out]
    assert mistake in MISTAKES


def test_whatever_breaks_the_engine_s_model_is_a_mistake_in_the_code_too() -> None:
    breaks = {name for name, broken in BROKEN.items() if name.startswith("engine/") and broken}
    assert breaks == {name for name, _ in SAME if name.startswith("engine/")}
