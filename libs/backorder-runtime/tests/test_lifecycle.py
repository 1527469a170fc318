"""Tasks that end together, whatever becomes of one of them."""

import asyncio

import pytest

from backorder_runtime import lifecycle
from backorder_runtime.lifecycle import any_of, run_together


async def until_stopped(stop):
    await stop.wait()


async def fail():
    raise LookupError("gone")


async def test_when_one_fails_the_others_are_stopped_and_its_error_is_raised():
    stop = asyncio.Event()
    with pytest.raises(LookupError, match="gone"):
        await run_together(stop, until_stopped(stop), fail())
    assert stop.is_set()


async def test_one_that_waits_for_the_failed_one_does_not_keep_the_process_alive():
    never = asyncio.Event()
    with pytest.raises(LookupError, match="gone"):
        await run_together(asyncio.Event(), until_stopped(never), fail(), grace=0.01)


async def test_a_stop_is_waited_out():
    stop = asyncio.Event()

    async def slow():
        await stop.wait()
        for _ in range(100):
            await asyncio.sleep(0)

    stop.set()
    await run_together(stop, slow(), until_stopped(stop), grace=60)


async def test_one_that_waits_for_what_is_away_does_not_keep_a_stopped_process_alive():
    stop, never = asyncio.Event(), asyncio.Event()
    together = asyncio.create_task(run_together(stop, until_stopped(never), until_stopped(stop), grace=0.01))
    await asyncio.sleep(0)
    stop.set()
    await asyncio.wait_for(together, 10)


async def test_a_cancellation_that_leaks_out_of_a_loop_is_a_failure():
    async def leak():
        raise asyncio.CancelledError

    stop = asyncio.Event()
    with pytest.raises(RuntimeError, match="cancelled from within"):
        await run_together(stop, until_stopped(stop), leak())


async def test_a_loop_that_has_nothing_more_to_do_ends_alone():
    stop, ended = asyncio.Event(), asyncio.Event()

    async def short():
        ended.set()

    together = asyncio.create_task(run_together(stop, short(), until_stopped(stop)))
    await ended.wait()
    assert not stop.is_set()
    stop.set()
    await together


async def test_who_waits_for_long_has_a_glance_now_and_then_and_who_has_it_at_once_none(monkeypatch):
    monkeypatch.setattr(lifecycle, "_GLANCE", 0.001)
    awaited, glances = asyncio.get_running_loop().create_future(), []

    def glance():
        glances.append(len(glances))
        if len(glances) == 3:
            awaited.set_result(None)

    await any_of({awaited}, asyncio.Event(), glance)
    assert glances == [0, 1, 2]
    await any_of({asyncio.ensure_future(asyncio.sleep(0))}, asyncio.Event(), glance)
    assert glances == [0, 1, 2]
