"""A right that the database takes from the notifier's role stops it; a database that is away does not."""

import asyncio

import asyncpg
import pytest

from backorder_runtime.permissions import NotPermitted
from notifier import housekeeping, sender
from notifier.sender import Sender
from notifier.settings import NotifySettings


class Refusing:
    """A database that is away twice, and then does not permit what it is asked; and a transport that has no work."""

    def __init__(self):
        self.answers = [
            OSError("refused"),
            asyncpg.CannotConnectNowError("starting"),
            asyncpg.InsufficientPrivilegeError("permission denied for table message"),
        ]

    async def fetch(self, *_):
        raise self.answers.pop(0)

    lease = fetch

    async def rest(self):
        pass


async def keep_house(database, clock):
    await housekeeping.keep_house(database, clock, asyncio.Event())


async def send(database, clock):
    await Sender(database, database, NotifySettings(poll=0.001, outage_wait=0.001), clock).run(asyncio.Event())


@pytest.mark.parametrize("task", [keep_house, send])
async def test_what_the_role_may_not_do_stops_the_notifier_and_what_passes_is_waited_for(task, clock, monkeypatch):
    monkeypatch.setattr(housekeeping, "_EVERY", 0.001)
    monkeypatch.setattr(sender, "_SHORTEST_OUTAGE", 0.001)
    database = Refusing()
    with pytest.raises(NotPermitted, match="permission denied for table message"):
        await asyncio.wait_for(task(database, clock), 10)
    assert not database.answers
