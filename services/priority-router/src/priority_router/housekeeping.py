"""What has to be done from time to time: set down where a replay can start."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import structlog
from asyncpg import Pool

from backorder_runtime import database, queries
from backorder_runtime.lifecycle import first_of
from backorder_runtime.permissions import stop_if_denied
from backorder_runtime.service import Running, SideTask
from priority_router.settings import KeepSettings

SQL = queries.load("priority_router", "housekeeping.sql")
_EVERY = 60.0  # seconds
_COPYING = 600  # seconds that copying all open back orders may take
_log = structlog.get_logger()


def keep_house(keep: KeepSettings) -> SideTask:
    """A task that does it. Several processes may do so at once."""

    async def run(running: Running, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await _checkpoint(running.pool, keep, running.clock())
            except database.PASSING as error:
                stop_if_denied(error)
                _log.warning("housekeeping waits for the database", error=repr(error))
            await first_of(stop.wait(), timeout=_EVERY)

    return run


async def _checkpoint(pool: "Pool[Any]", keep: KeepSettings, now: datetime) -> None:
    """Copy all queues as of one moment, the journal's included: batches commit both at once, and go on meanwhile."""
    async with pool.acquire() as conn, conn.transaction(isolation="repeatable_read"):
        if not await conn.fetchval(SQL["checkpoint_wanted"], now - timedelta(days=keep.checkpoint)):
            return
        await conn.execute(SQL["allow"], f"{_COPYING}s")
        number = await conn.fetchval(SQL["checkpoint"], now)
        for part in ("checkpoint_shards", "checkpoint_lanes", "checkpoint_back_orders"):
            await conn.execute(SQL[part], number, timeout=_COPYING)
    _log.info("checkpoint", checkpoint=number)
