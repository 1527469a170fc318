"""A running service goes by a clock only as long as it and the database's agree."""

import asyncio
from datetime import timedelta

import pytest
from engine_support.small_service import Place, Words

from backorder_runtime import database
from backorder_runtime.clock import ClockChanged, utc_now

pytestmark = pytest.mark.stack


async def test_a_clock_that_is_set_back_or_differs_from_the_database_stops_it(here: Place) -> None:
    await here.send("one")
    ahead = timedelta(0)
    running = asyncio.create_task(here.run(clock=lambda: utc_now() + ahead))
    await here.until_counted(1)
    ahead = -timedelta(hours=1)
    with pytest.raises(ClockChanged, match="set back by 3600 seconds"):
        await asyncio.wait_for(running, 60)
    with pytest.raises(ClockChanged, match="3600 seconds behind that of the database"):
        await here.run(clock=lambda: utc_now() + ahead)


async def test_a_clock_that_goes_ahead_of_the_database_stops_it_while_it_runs(here: Place) -> None:
    ahead = timedelta(0)
    async with here.running(clock=lambda: utc_now() + ahead) as task:
        await here.send("one")
        await here.until_counted(1, task)
        ahead = timedelta(hours=1)
        with pytest.raises(
            ClockChanged, match=r"is 360\d seconds ahead of that of the database .*Set the wrong one right"
        ):
            await asyncio.wait_for(task, 20)


async def test_a_jump_ahead_is_gone_by_only_when_the_database_s_clock_shows_it_too(
    here: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead, dates, decide = timedelta(0), [], Words.decide
    answers = asyncio.Event()
    answers.set()

    def noted(self, arrived, now):
        dates.append(now)
        return decide(self, arrived, now)

    async def theirs(_pool):
        await answers.wait()
        return utc_now() + ahead

    monkeypatch.setattr(Words, "decide", noted)
    monkeypatch.setattr(database, "clock", theirs)
    async with here.running(clock=lambda: utc_now() + ahead) as task:
        await here.send("one")
        await here.until_counted(1, task)
        answers.clear()
        ahead = timedelta(days=1)
        await here.send("two")
        await here.until_counted(2, task)
        assert max(dates) < utc_now() + timedelta(hours=1)
        answers.set()
        async with asyncio.timeout(30):
            while max(dates) < utc_now() + timedelta(hours=23):
                await here.send("later")
                await here.until_counted(len(dates) + 1, task)
