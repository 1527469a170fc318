"""A service whose loop raises what only people can mend ends in order, with code 2 and one line that says what to do."""

import asyncio
from types import SimpleNamespace

import asyncpg
import pytest

from backorder_runtime import database, service
from backorder_runtime.broker import BrokerNotReady, LogChanged
from backorder_runtime.clock import ClockChanged, utc_now
from backorder_runtime.database import WrongDatabase
from backorder_runtime.past import PastLost
from backorder_runtime.permissions import NotPermitted
from backorder_runtime.refusal_limit import TooManyRefused
from backorder_runtime.service import Service
from backorder_runtime.settings import Settings

# named here, and not taken from the service: whoever leaves one out there is noticed
FOR_PEOPLE = [LogChanged, BrokerNotReady, NotPermitted, TooManyRefused, ClockChanged, PastLost, WrongDatabase]
NOT_FOR_PEOPLE = [ValueError, RuntimeError, OSError, asyncpg.UndefinedTableError, asyncio.CancelledError]


class Noted:
    """What was ended, in order, and what was logged; stands for the log, too."""

    def __init__(self):
        self.ended, self.lines = [], []

    def info(self, event, **more):
        self.lines.append({"event": event, "level": "info", **more})

    def error(self, event, **more):
        self.lines.append({"event": event, "level": "error", **more})

    def ends(self, name):
        async def end(*_):
            self.ended.append(name)

        return end

    def loop(self, name):
        """A loop that is stopped, and then has something to finish."""

        async def run(*given):
            await given[-1].wait()
            await asyncio.sleep(0)
            self.ended.append(name)

        return run

    def saying(self, text):
        return [line for line in self.lines if text in str(line)]


@pytest.fixture
def noted(monkeypatch):
    """A service on paper: its broker, its database, and loops that do nothing until they are stopped."""
    noted = Noted()

    async def nothing(*_):
        pass

    pool = SimpleNamespace(close=noted.ends("database"))

    async def connect(_settings):
        return pool

    async def now(_pool):
        return utc_now()

    topics = SimpleNamespace(start=nothing, check=nothing, run=noted.loop("topics"))
    lanes = SimpleNamespace(run=noted.loop("lanes"), owned=(), ready=True)
    publisher = SimpleNamespace(close=lambda: noted.ended.append("producer"))
    for name, stands_in in {
        "_log": noted,
        "stop_on_signals": asyncio.Event,
        "announce": lambda *_: None,
        "wait_for_broker": nothing,
        "TopicWatch": lambda *_: topics,
        "LaneRunner": lambda *_: lanes,
        "Publisher": lambda _: publisher,
        "_watch_clocks": noted.loop("clocks"),
    }.items():
        monkeypatch.setattr(service, name, stands_in)
    monkeypatch.setattr(database, "connect", connect)
    monkeypatch.setattr(database, "check_schema", nothing)
    monkeypatch.setattr(database, "clock", now)
    monkeypatch.setattr(service.migrate, "newest", lambda _: "1")
    monkeypatch.setattr(service.past, "check", nothing)
    monkeypatch.setattr(service.http, "serve", noted.loop("http"))
    monkeypatch.setattr(service.retention, "keep_tables", lambda _: noted.loop("retention"))
    monkeypatch.setattr(service.retention, "warn_if_short", lambda *_: None)
    return noted


async def run_with(error):
    """Run the service; a loop of it raises the error when the others run."""

    async def fails(_running, _stop):
        await asyncio.sleep(0)
        raise error

    await service._supervised(
        Service("gap-detector", "gap_detector", (), lambda *_: None, side_tasks=(fails,)), Settings()
    )


def ended_in_order(noted):
    """Each loop was stopped and came to its end; only then producer and database were closed."""
    loops, after = noted.ended[:-2], noted.ended[-2:]
    return sorted(loops) == ["clocks", "http", "lanes", "retention", "topics"] and after == ["producer", "database"]


@pytest.mark.parametrize("kind", FOR_PEOPLE)
async def test_what_only_people_can_mend_ends_it_in_order_with_code_2_and_one_line_that_says_what_to_do(noted, kind):
    with pytest.raises(SystemExit) as ended:
        await run_with(kind("do this, and start again"))
    assert ended.value.code == 2
    assert noted.saying("do this") == [{"event": "stopped", "level": "error", "problem": "do this, and start again"}]
    assert ended_in_order(noted), noted.ended


async def test_a_refusal_of_the_database_that_no_loop_put_into_words_ends_it_with_code_2_too(noted):
    with pytest.raises(SystemExit) as ended:
        await run_with(asyncpg.InsufficientPrivilegeError("permission denied for table shard"))
    assert ended.value.code == 2
    (line,) = noted.saying("permission denied for table shard")
    assert "GRANT ALL" in line["problem"]


@pytest.mark.parametrize("kind", NOT_FOR_PEOPLE)
async def test_anything_else_ends_it_in_order_as_the_failure_that_it_is(noted, kind):
    with pytest.raises(RuntimeError if kind is asyncio.CancelledError else kind):
        await run_with(kind("something broke"))
    assert not [line for line in noted.lines if line["level"] == "error"]
    assert ended_in_order(noted), noted.ended


def test_these_are_all_that_only_people_can_mend():
    assert set(service.FOR_PEOPLE) == set(FOR_PEOPLE)
