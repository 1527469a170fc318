"""A right that the database takes from the router's role stops it; a database that is away does not."""

import asyncio
from types import SimpleNamespace

import asyncpg
import pytest

from backorder_runtime.permissions import NotPermitted
from priority_router import housekeeping, metrics, policies
from priority_router.settings import KeepSettings


class Refusing:
    """A pool whose database is away twice, and then does not permit what it is asked."""

    def __init__(self):
        self.answers = [
            OSError("refused"),
            asyncpg.CannotConnectNowError("starting"),
            asyncpg.InsufficientPrivilegeError("permission denied for table policy"),
        ]

    def acquire(self):
        raise self.answers.pop(0)


async def put_in_force(running, stop):
    await policies._when_there(running, stop, lambda _conn: None)


@pytest.mark.parametrize("task", [put_in_force, metrics.watch_queue, housekeeping.keep_house(KeepSettings())])
async def test_what_the_role_may_not_do_stops_the_router_and_what_passes_is_waited_for(task, monkeypatch):
    for module, pause in ((policies, "_WAIT"), (metrics, "_EVERY"), (housekeeping, "_EVERY")):
        monkeypatch.setattr(module, pause, 0.001)
    running = SimpleNamespace(pool=Refusing(), clock=lambda: None, owned=lambda: ())
    with pytest.raises(NotPermitted, match="permission denied for table policy"):
        await asyncio.wait_for(task(running, asyncio.Event()), 10)
    assert not running.pool.answers
