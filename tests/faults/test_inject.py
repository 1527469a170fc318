"""A process is stopped when it owns shards: to stop one that owns none would show nothing."""

from types import SimpleNamespace

import pytest
from faults_support import inject
from faults_support.inject import Injector
from faults_support.plan import AUDITOR, Injection, Kind, Mode

MEMBER = SimpleNamespace(name="notifier-1", pid=4711)
OURS = [{"shard": 0}, {"shard": 2}]


@pytest.fixture
def signals(monkeypatch):
    sent = []
    monkeypatch.setattr(inject.os, "kill", lambda pid, signal: sent.append((pid, signal.name)))
    monkeypatch.setattr(inject, "_MOVES", 0.3)
    return sent


def injector(*answers):
    """One whose database gives these answers, and the last one for ever."""
    left = list(answers)

    async def query(*_):
        return left.pop(0) if len(left) > 1 else left[0]

    fleet = SimpleNamespace(chosen=lambda *_: [MEMBER])
    return Injector(fleet, SimpleNamespace(query=query), session=0.0)


@pytest.mark.parametrize(
    ("kind", "evidence"),
    [(Kind.PAUSE, "it had 2 shards before, 0 after"), (Kind.ZOMBIE, "2 shards moved in 0.0 s")],
    ids=["pause", "zombie"],
)
async def test_one_that_owns_shards_after_a_moment_is_stopped_then(signals, kind, evidence):
    told = await injector([], [], OURS, []).inject(Injection(1, kind, "notifier", 1))
    assert told == evidence
    assert signals == [(4711, "SIGSTOP"), (4711, "SIGCONT")]


async def test_an_auditor_owns_no_shard_ever_and_is_stopped_all_the_same(signals):
    told = await injector("nobody asks").inject(Injection(1, Kind.LONG_PAUSE, AUDITOR, 1))
    assert told == "it had 0 shards before, 0 after"
    assert signals == [(4711, "SIGSTOP"), (4711, "SIGCONT")]


@pytest.mark.parametrize("kind", [Kind.PAUSE, Kind.ZOMBIE], ids=["pause", "zombie"])
async def test_one_that_never_owns_a_shard_is_not_stopped_and_does_not_count(signals, kind):
    with pytest.raises(AssertionError, match="notifier-1 owns no shard"):
        await injector([]).inject(Injection(1, kind, "notifier", 1))
    assert not signals


async def test_a_zombie_whose_shards_nobody_takes_is_woken_and_does_not_count(signals):
    with pytest.raises(AssertionError, match="nobody has taken the shards of notifier-1"):
        await injector(OURS).inject(Injection(1, Kind.ZOMBIE, "notifier", 1))
    assert [signal for _, signal in signals] == ["SIGSTOP", "SIGCONT"]


class PaperProxy:
    """Has a connection when it has been asked so often."""

    def __init__(self, asked):
        self._asked, self.healed = asked, False
        self._open = [SimpleNamespace(reset=lambda: None)]

    @property
    def open(self):
        self._asked -= 1
        return int(self._asked < 0)

    def heal(self):
        self.healed = True


def cutting(proxy):
    fleet = SimpleNamespace(chosen=lambda *_: [SimpleNamespace(brokers=[proxy])])
    return Injector(fleet, None, session=0.0).inject(Injection(1, Kind.BROKER_CUT, AUDITOR, 1, mode=Mode.CUT))


async def test_whoever_has_no_connection_is_cut_off_when_there_is_one():
    proxy = PaperProxy(3)
    assert await cutting(proxy) == "1 connections"
    assert proxy.healed


async def test_a_cut_without_a_connection_does_not_count(signals):
    with pytest.raises(AssertionError, match="there was no connection to cut"):
        await cutting(PaperProxy(1_000_000))
