"""A line comes back from its row as it was stored."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ledger_desk import order, ref

from backorder_runtime.asking import together
from gap_detector import repository
from gap_detector.domain.model import Lane, Line

NUMBERS = [name for name in Line.__struct_fields__ if name not in {"detail", "number", "opened", "touched"}]
NAMES = "ABCD"

some_numbers = st.dictionaries(st.sampled_from(NUMBERS), st.integers(min_value=-3, max_value=2**40), max_size=4)
lines = st.builds(
    lambda numbers, opened, number: Line(number=number, opened=opened, **numbers),
    some_numbers,
    st.booleans(),
    st.integers(min_value=1, max_value=2**40),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(new=st.lists(lines, min_size=1, max_size=len(NAMES)))
@pytest.mark.stack
async def test_a_new_line_comes_back_with_all_its_numbers_whatever_others_have(conn, new):
    await conn.execute("TRUNCATE line")
    lane, rows = Lane("P-1", "W1"), {}
    for name, line in zip(NAMES, new, strict=False):
        placed = order(name, 5)
        line.detail = placed.line
        rows[ref(name)] = line
    await together(conn, {0: repository.add_lines(0, [(lane, name, line) for name, line in rows.items()])})
    found = {}

    def look():
        found.update({stored.ref: stored.line for stored in (yield from repository.load_lines(list(rows)))})

    await together(conn, {0: look()})
    assert found == rows
