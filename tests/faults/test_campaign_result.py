"""A campaign gives its result whatever goes wrong in it. Everything that it attacks and asks is of paper here."""

import asyncio
import json
import time
from collections import Counter
from types import SimpleNamespace

import pytest
from faults_support import campaign
from faults_support.campaign import Campaign, Settings
from faults_support.oracle import Finding
from faults_support.paper_log import topics
from faults_support.plan import Kind
from faults_support.report import Backlog

KINDS = (Kind.KILL, Kind.PAUSE, Kind.DATABASE)
SEEN = Finding("lost", "what the oracle saw")


async def wait_for_ever(*_):
    await asyncio.Event().wait()


async def now(*_, **__):
    return time.monotonic()


async def nothing(*_, **__):
    return None


class PaperLoad:
    def __init__(self, *_):
        self.commands = {}
        self.fails = asyncio.Event()

    async def run(self, stop):
        stopped, failed = asyncio.create_task(stop.wait()), asyncio.create_task(self.fails.wait())
        await asyncio.wait({stopped, failed}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        failed.cancel()
        if self.fails.is_set():
            raise LookupError("the load is lost")

    def probe(self):
        return SimpleNamespace(order_id="PROBE-1")

    async def resume_all(self):
        return False

    finish = nothing


class Given:
    """A campaign against paper, what it keeps, and what may be made to go wrong in it."""

    def __init__(self, folder):
        fleet = SimpleNamespace(partitions=1, members={}, folder=folder)
        where = SimpleNamespace(kafka="", partitions=1)
        system = SimpleNamespace(endpoints=where, query=nothing, until=nothing, until_rest=nothing)
        self.kept, self.said = [], []
        self.campaign = Campaign(
            fleet, system, 1, Settings(kinds=KINDS), self.said.append, lambda result: self.kept.append(result.as_json())
        )
        self.system, self.load = system, self.campaign._load
        self.campaign._missing = nothing
        self.injector = self.campaign._injector = SimpleNamespace(inject=nothing)

    def numbers(self):
        """Of the injections in what was kept, each time."""
        return [[each["number"] for each in json.loads(text)["injections"]] for text in self.kept]


@pytest.fixture
def given(tmp_path, monkeypatch):
    watch = SimpleNamespace(follow=wait_for_ever, answered=now, left=lambda _: "", released={})
    monkeypatch.setattr(campaign, "Watch", lambda: watch)
    monkeypatch.setattr(campaign, "Load", PaperLoad)
    monkeypatch.setattr(campaign, "Lag", lambda *_: SimpleNamespace(caught_up=now, close=nothing))
    monkeypatch.setattr(campaign, "_STEADY", 0.0)
    monkeypatch.setattr(campaign, "behind_burst", nothing)
    monkeypatch.setattr(campaign, "ship_everything", nothing)
    monkeypatch.setattr(campaign.books, "ledgers", lambda _: answer(Counter(waiting=1, covered=1)))
    monkeypatch.setattr(campaign, "examine", lambda *_: answer(([SEEN], set(), topics())))
    monkeypatch.setattr(campaign, "look_at_decisions", lambda *_: answer(([], "decided again")))
    return Given(tmp_path)


async def answer(value):
    return value


def raises(error):
    async def what(*_, **__):
        raise error

    return what


async def test_what_is_known_is_kept_after_each_injection_and_after_the_reckoning(given):
    result = await given.campaign.run()
    assert given.numbers() == [[1], [1, 2], [1, 2, 3], [1, 2, 3]]
    assert [json.loads(text)["reckoned"] for text in given.kept] == [False, False, False, True]
    assert result.findings == [SEEN]


async def test_a_system_that_does_not_come_back_is_a_finding_and_ends_the_attacks_and_is_reckoned(given):
    given.campaign._missing = lambda: answer("" if not given.kept else "broker-2 down")
    result = await given.campaign.run()
    assert given.numbers() == [[1], [1]]
    down, rest, seen = result.findings
    assert ("broker-2 down" in down.what, down.at) == (True, result.injected[0].healed)
    assert "broker-2 down" in rest.what
    assert (seen, result.reckoned, result.good) == (SEEN, True, False)


async def test_whatever_an_injection_raises_is_its_problem_and_the_next_one_comes(given):
    given.injector.inject = raises(KeyError("no leader"))
    result = await given.campaign.run()
    assert [each.problem for each in result.injected] == ["not injected as meant: KeyError('no leader')"] * 3
    assert result.reckoned


async def test_a_fault_comes_behind_its_burst_and_tells_what_it_met(given, monkeypatch):
    done = []

    async def behind(_, load, injection):
        done.append(("burst", injection.number, injection.burst))
        return Backlog(injection.number, 0) if load is given.load else None

    async def inject(injection):
        done.append(("fault", injection.number, injection.burst))

    monkeypatch.setattr(campaign, "behind_burst", behind)
    given.injector.inject = inject
    result = await given.campaign.run()
    (number,) = [each.injection.number for each in result.injected if each.injection.burst]
    at = done.index(("burst", number, 2_000))
    assert (len(done), done[at + 1]) == (4, ("fault", number, 2_000)), "and the others come without one"
    assert [each.backlog for each in result.injected if each.backlog] == [Backlog(number, 0)]
    assert any("1 faults came behind a burst, 1 met" in note for note in result.notes)


async def test_a_burst_that_nobody_hears_of_is_a_problem_of_its_fault(given, monkeypatch):
    monkeypatch.setattr(campaign, "behind_burst", raises(OSError("no database")))
    result = await given.campaign.run()
    assert [each.problem for each in result.injected if each.problem] == [
        "not injected as meant: OSError('no database')"
    ]
    assert len(result.injected) == 3


async def test_a_load_that_fails_is_a_finding_and_what_was_done_is_reckoned(given):
    async def break_off(_):
        given.load.fails.set()

    given.injector.inject = break_off
    result = await given.campaign.run()
    assert [finding.what for finding in result.findings] == ["attacking: LookupError('the load is lost')", SEEN.what]
    assert (len(result.injected), result.reckoned) == (1, True)


async def test_a_rest_that_does_not_come_hides_nothing_that_the_oracle_sees(given):
    given.system.until_rest = raises(OSError("no database"))
    result = await given.campaign.run()
    assert [finding.what for finding in result.findings] == ["coming to rest: OSError('no database')", SEEN.what]


async def test_what_would_be_decided_otherwise_is_a_finding(given, monkeypatch):
    other = Finding("wrong", "another one got it")
    monkeypatch.setattr(campaign, "look_at_decisions", lambda *_: answer(([other], "decided again")))
    result = await given.campaign.run()
    assert result.findings == [SEEN, other]
    assert "decided again" in result.notes


async def test_an_oracle_that_fails_is_a_finding(given, monkeypatch):
    monkeypatch.setattr(campaign, "examine", raises(KeyError("ce_id")))
    result = await given.campaign.run()
    assert [finding.what for finding in result.findings] == ["looking at everything: KeyError('ce_id')"]
    assert "kill -9" in result.table()
    assert any("Traceback" in line for line in given.said), "the place is told, too"
