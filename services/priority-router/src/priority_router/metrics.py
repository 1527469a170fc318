"""What a manager's dashboard asks of the queue: how much is open in each band, and how old the oldest is."""

import asyncio

import structlog
from prometheus_client import Gauge

from backorder_runtime import database
from backorder_runtime.lifecycle import first_of
from backorder_runtime.permissions import stop_if_denied
from backorder_runtime.service import Running
from priority_router import repository

OPEN = Gauge("backorder_open_back_orders", "Open back orders in this process's shards", ["band"])
OLDEST = Gauge("backorder_oldest_open_age_seconds", "Age of the oldest open back order", ["band"])
_EVERY = 5.0
_log = structlog.get_logger()


async def watch_queue(running: Running, stop: asyncio.Event) -> None:
    """Export the open back orders of the owned shards until `stop` is set."""
    while not stop.is_set():
        try:
            async with running.pool.acquire() as conn:
                rows = await repository.open_by_band(conn, running.owned())
        except database.PASSING as error:
            stop_if_denied(error)
            _log.warning("cannot count back orders", error=repr(error))
        else:
            OPEN.clear()
            OLDEST.clear()
            for band, count, oldest in rows:
                OPEN.labels(band or "none").set(count)
                OLDEST.labels(band or "none").set((running.clock() - oldest).total_seconds())
        await first_of(stop.wait(), timeout=_EVERY)
