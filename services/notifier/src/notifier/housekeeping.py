"""What has to be done from time to time: give up what is too old, count what waits."""

import asyncio
from datetime import datetime
from typing import Any

import structlog
from asyncpg import Pool

from backorder_runtime.clock import Clock
from backorder_runtime.database import PASSING
from backorder_runtime.permissions import stop_if_denied
from notifier import metrics
from notifier.domain.model import Channel
from notifier.repository import SQL

_log = structlog.get_logger()
_EVERY = 5.0
_CHANNELS = (Channel.EMAIL, Channel.PUSH)


async def keep_house(pool: "Pool[Any]", clock: Clock, stop: asyncio.Event) -> None:
    """Do all of it every few seconds until `stop` is set. Several processes may do so at once."""
    while not stop.is_set():
        try:
            await tidy(pool, clock())
        except PASSING as error:
            stop_if_denied(error)
            _log.warning("housekeeping waits for the database", error=type(error).__name__)
        try:
            async with asyncio.timeout(_EVERY):
                await stop.wait()
        except TimeoutError:
            continue


async def tidy(pool: "Pool[Any]", now: datetime) -> None:
    """One round."""
    expired = await pool.fetch(SQL["expire_waiting"], now)
    for channel, count in expired:
        _log.warning("gave up", channel=channel, notifications=count, reason="too-old")
    waiting = {channel: (count, oldest) for channel, count, oldest in await pool.fetch(SQL["backlog"])}
    under_way = dict(await pool.fetch(SQL["under_way"]))
    for channel in _CHANNELS:
        count, oldest = waiting.get(channel, (0, now))
        metrics.PENDING.labels(channel).set(count)
        metrics.OLDEST.labels(channel).set(max(0.0, (now - oldest).total_seconds()))
        metrics.UNDER_WAY.labels(channel).set(under_way.get(channel, 0))
