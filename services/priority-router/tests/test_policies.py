"""What happens when the database is away while a policy is put in force."""

import asyncio
from contextlib import asynccontextmanager
from types import SimpleNamespace

import asyncpg

from priority_router.policies import _when_there


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


async def test_a_stop_ends_the_wait():
    stop = asyncio.Event()
    asyncio.get_running_loop().call_soon(stop.set)
    assert await _when_there(SimpleNamespace(pool=Pool(OSError("refused"))), stop, done) is None
