"""What has to be forgotten from time to time."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import structlog
from asyncpg import InterfaceError, Pool, PostgresError
from backorder_runtime.lifecycle import first_of
from backorder_runtime.service import Running, SideTask

from priority_router.questions import SQL
from priority_router.settings import KeepSettings

_EVERY = 60.0  # seconds
_AT_ONCE = 5_000
_log = structlog.get_logger()


def keep_house(keep: KeepSettings) -> SideTask:
    """A task that forgets what is old. Several processes may do so at once."""

    async def run(running: Running, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await tidy(running.pool, keep, running.clock())
            except (PostgresError, InterfaceError, OSError, TimeoutError) as error:
                _log.warning("housekeeping waits for the database", error=repr(error))
            await first_of(stop.wait(), timeout=_EVERY)

    return run


async def tidy(pool: "Pool[Any]", keep: KeepSettings, now: datetime) -> None:
    """One round; what is more than a few thousand rows waits for the next."""
    await pool.execute(SQL["forget_decisions"], now - timedelta(days=keep.decisions), _AT_ONCE)
