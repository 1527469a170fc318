"""What happens when the database is away while a policy is put in force."""

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from types import SimpleNamespace

import asyncpg

from backorder_contracts.policy import PolicyApplied
from priority_router import policy_topic
from priority_router.policies import Policies, _take_all, _when_there
from priority_router.policy_file import default_text, read_policy


class Connection:
    @asynccontextmanager
    async def transaction(self):
        yield


class Pool:
    """A pool whose database comes back after some tries."""

    def __init__(self, *errors):
        self.errors = list(errors)

    @asynccontextmanager
    async def acquire(self):
        if self.errors:
            raise self.errors.pop(0)
        yield Connection()


async def done(_conn):
    return "done"


async def test_a_policy_waits_for_a_database_that_is_away(monkeypatch):
    monkeypatch.setattr("priority_router.policies._WAIT", 0.001)
    away = (OSError("refused"), asyncpg.CannotConnectNowError("starting"), asyncpg.InternalClientError("confused"))
    assert await _when_there(SimpleNamespace(pool=Pool(*away)), asyncio.Event(), done) == "done"


def another(version="next"):
    """The default policy under another name, on its way."""
    text = default_text().replace('"2026-11-24.1"', f'"{version}"')
    return PolicyApplied(version=version, text=text, applied_by="ops", applied_at=datetime(2026, 11, 24, tzinfo=UTC))


class Notes(Pool):
    """A database that knows no policies, and notes what it is told to store."""

    def __init__(self, store=lambda _version: None):
        super().__init__()
        self.store = store

    @asynccontextmanager
    async def acquire(self):
        yield self

    transaction = Connection.transaction

    async def fetchval(self, _statement, _version):
        return None

    async def execute(self, _statement, version, _text):
        self.store(version)


async def test_the_text_of_a_policy_is_stored_before_any_lane_can_stand_by_it(monkeypatch):
    """Another process may claim the lane next, and looks the text up by the version."""
    policies, stored = Policies(), []
    notes = Notes(lambda version: stored.append((version, policies.current.version)))
    monkeypatch.setattr(policy_topic, "decode", lambda _: another())
    assert await _take_all(policies, SimpleNamespace(pool=notes), [SimpleNamespace(offset=0)], asyncio.Event())
    assert policies.current.version == "next"
    assert stored == [("next", "2026-11-24.1")]


async def test_a_record_that_breaks_whoever_reads_it_is_refused_and_the_next_one_counts(monkeypatch):
    policies = Policies()

    def decode(record):
        return another(f"from-{record.offset}")

    def read_but_one(text, file="policy"):
        if "from-1" in text:
            raise RuntimeError("nobody thought of this")
        return read_policy(text, file)

    monkeypatch.setattr(policy_topic, "decode", decode)
    monkeypatch.setattr("priority_router.policies.read_policy", read_but_one)
    for offset, version in ((0, "from-0"), (1, "from-0"), (2, "from-2")):
        await _take_all(policies, SimpleNamespace(pool=Notes()), [SimpleNamespace(offset=offset)], asyncio.Event())
        assert policies.current.version == version


async def test_a_stop_ends_the_wait():
    stop = asyncio.Event()
    asyncio.get_running_loop().call_soon(stop.set)
    assert await _when_there(SimpleNamespace(pool=Pool(OSError("refused"))), stop, done) is None
