"""The transaction of a turn: batches of several shards, decided and committed together.

Batches that are small share one transaction, because what it costs hardly grows.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import structlog
from asyncpg import Pool

from backorder_runtime import asking, store
from backorder_runtime.batch import Batch
from backorder_runtime.database import Conn
from backorder_runtime.outbox import OutboxBatch
from backorder_runtime.outcome import keep
from backorder_runtime.record import trace_id
from backorder_runtime.telemetry import BATCH_SECONDS

_log = structlog.get_logger()


async def run(
    pool: "Pool[Any]",
    batches: "Sequence[Batch[Any, Any]]",
    clock: Callable[[], datetime],
    beat: Callable[[], None] = lambda: None,
) -> Mapping[int, OutboxBatch]:
    """Commit batches of different shards in one transaction; returns what those of them publish that publish.

    While it decides for long, it calls `beat` again and again.

    Raises `Fenced` when some of the shards are no longer ours: then nothing was done. Raises `Outdated`, `Defect` or
    whatever the database raises: then nothing was stored, but all of these shards have to be claimed again.
    """
    began = time.perf_counter()
    now = clock()
    async with pool.acquire() as conn, conn.transaction():
        await store.advance(conn, [batch.fence for batch in batches])
        await _take_due(conn, [batch for batch in batches if batch.due], now)
        await asking.together(conn, {each.shard.number: each.shard.handler.load(each.arrived) for each in batches})
        for batch in batches:
            await batch.process(now, beat)
            batch.judge()
        await asking.together(conn, {each.shard.number: each.shard.handler.save() for each in batches})
        outcomes = {batch.shard.number: (batch.shard.next_sequence, batch.outcome) for batch in batches}
        published = await keep(conn, outcomes, now)
    seconds = time.perf_counter() - began
    BATCH_SECONDS.labels("lanes").observe(seconds)
    for batch in batches:
        batch.committed(published.get(batch.shard.number), now)
    _report(batches, published, seconds)
    return published


async def _take_due(conn: Conn, batches: "Sequence[Batch[Any, Any]]", now: datetime) -> None:
    if not batches:
        return
    shards = [batch.shard.number for batch in batches]
    kept = await store.take_parked(conn, shards)
    timers = await store.take_timers(conn, shards, now)
    for batch in batches:
        batch.take_kept(kept.get(batch.shard.number, ()))
        batch.take_timers(timers.get(batch.shard.number, ()))


def _report(batches: "Sequence[Batch[Any, Any]]", published: Mapping[int, OutboxBatch], seconds: float) -> None:
    """One line for a transaction, which names the first of its messages."""
    told = [batch for batch in batches if batch.records or batch.shard.number in published]
    if not told:
        return
    first = next((item for batch in told for item in batch.inputs if item.source), None)
    _log.info(
        "batch",
        records=sum(len(batch.records) for batch in told),
        inputs=sum(batch.outcome.inputs for batch in told),
        facts=sum(batch.outcome.facts for batch in told),
        published=sum(len(each.entries) for each in published.values()),
        sequences={number: each.last_sequence for number, each in published.items()},
        shards=[batch.where() for batch in told],
        ce_id=next((batch.records[0].header("ce_id") for batch in told if batch.records), None),
        trace_id=trace_id(first.trace) if first else None,
        ms=round(seconds * 1000, 1),
    )
