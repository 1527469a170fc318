"""What the priority-router published, and the same decided again from what it wrote down of its inputs."""

from collections.abc import Iterable
from typing import Any

import asyncpg

from backorder_runtime.settings import KafkaSettings
from e2e_support.system import System
from priority_router import recording

Events = dict[int, list[tuple[str, bytes]]]
"""Type and value of each event about a back order, in order, by shard."""


async def decided_again(system: System) -> Events:
    """What every shard would publish, decided again from the first checkpoint on."""
    kafka = KafkaSettings(bootstrap_servers=system.endpoints.kafka)
    conn = await asyncpg.connect(f"{system.endpoints.database}?search_path=priority_router")
    told: Events = {}
    try:
        begin = await recording.start(conn, None)
        known = await recording.policies(conn)
        for shard in begin.shards:
            replay = await recording.restored(conn, begin, shard, known)
            told[shard] = [
                (message.type, message.value)
                async for batch in recording.batches(conn, kafka, begin, shard)
                for message in replay.published(batch)
            ]
    finally:
        await conn.close()
    return told


def published(records: Iterable[Any], shards: int) -> Events:
    """What every shard did publish by these records of `back-order-state`; those with a `ce_id` that was there left out."""
    told: Events = {shard: [] for shard in range(shards)}
    seen: set[bytes] = set()
    for record in records:
        headers = dict(record.headers)
        if not headers["ce_source"].startswith(b"/backorder/priority-router/") or headers["ce_id"] in seen:
            continue
        seen.add(headers["ce_id"])
        told[record.partition].append((headers["ce_type"].decode(), record.value))
    return told
