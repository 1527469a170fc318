"""The engine's defences are watched: whoever takes one away makes a named test fail, and docs/faults.md says which."""

import asyncio

import engine_defects_table
import engine_intake_table
import engine_output_table
import engine_people_table
import engine_statement_table
import engine_stops_table
import engine_table
import engine_watch_table
import pytest
from given_stack import given
from mutant_harness import PASSED, ROOT, copy_of, ids, notice, row_of, run, those_that_notice

ALONE = (
    *engine_table.MUTANTS,
    *engine_output_table.MUTANTS,
    *engine_intake_table.MUTANTS,
    *engine_stops_table.MUTANTS,
    *engine_people_table.MUTANTS,
    *engine_defects_table.MUTANTS,
)
ON_A_STACK = (*engine_statement_table.MUTANTS, *engine_watch_table.MUTANTS)


@pytest.mark.parametrize("mutant", ALONE, ids=ids(ALONE))
def test_somebody_notices(mutant, tmp_path, record_property):
    notice(mutant, tmp_path, record_property)


def test_without_a_mistake_all_of_them_pass_in_the_same_place(tmp_path):
    copy_of(ALONE[0].package, tmp_path)
    answer, said = run(those_that_notice(ALONE), tmp_path)
    assert answer == PASSED, said[-3000:]


@pytest.mark.parametrize("mutant", ON_A_STACK, ids=ids(ON_A_STACK))
async def test_somebody_notices_on_a_real_database(mutant, tmp_path, record_property, stack):
    await asyncio.to_thread(notice, mutant, tmp_path, record_property, **given(stack))


async def test_without_a_mistake_all_of_those_pass_too(tmp_path, stack):
    copy_of(ON_A_STACK[0].package, tmp_path)
    answer, said = await asyncio.to_thread(run, those_that_notice(ON_A_STACK), tmp_path, **given(stack))
    assert answer == PASSED, said[-3000:]


def test_the_table_of_the_docs_is_this_one():
    rows = [row_of(mutant) for mutant in (*ALONE, *ON_A_STACK)]
    page = (ROOT / "docs" / "faults.md").read_text("utf-8")
    there = [line for line in page.splitlines() if line.startswith("| ") and "::test_" in line]
    assert there == rows, "\n".join(["docs/faults.md should have:", *rows])
