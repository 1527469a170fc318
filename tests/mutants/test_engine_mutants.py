"""The engine's defences are watched: whoever takes one away makes a named test fail; docs/faults.md says which."""

import asyncio

import pytest
from given_stack import given
from mutant_harness import PASSED, copy_of, ids, notice, run, those_that_notice
from mutant_tables import ENGINE, ENGINE_ON_A_STACK


@pytest.mark.parametrize("mutant", ENGINE, ids=ids(ENGINE))
def test_somebody_notices(mutant, tmp_path, record_property):
    notice(mutant, tmp_path, record_property)


def test_without_a_mistake_all_of_them_pass_in_the_same_place(tmp_path):
    copy_of(ENGINE[0].package, tmp_path)
    answer, said = run(those_that_notice(ENGINE), tmp_path)
    assert answer == PASSED, said[-3000:]


@pytest.mark.parametrize("mutant", ENGINE_ON_A_STACK, ids=ids(ENGINE_ON_A_STACK))
async def test_somebody_notices_on_a_real_database(mutant, tmp_path, record_property, stack):
    await asyncio.to_thread(notice, mutant, tmp_path, record_property, **given(stack))


async def test_without_a_mistake_all_of_those_pass_too(tmp_path, stack):
    copy_of(ENGINE_ON_A_STACK[0].package, tmp_path)
    answer, said = await asyncio.to_thread(run, those_that_notice(ENGINE_ON_A_STACK), tmp_path, **given(stack))
    assert answer == PASSED, said[-3000:]
