"""Parked lanes as their service's database has them: what stopped them, since when, and what waits."""

from dataclasses import dataclass
from datetime import datetime

import msgspec

from backorder_runtime import queries
from backorder_runtime.database import Conn
from backorder_runtime.record import Record

_SQL = queries.load(__package__ or "backorder_runtime", "parked.sql")


@dataclass(frozen=True, slots=True)
class ParkedLane:
    """A lane that a defect of ours stopped; `resuming` when it was asked to go on and nobody took it up yet."""

    service: str
    shard: int
    lane: str
    error: str
    since: datetime
    resuming: bool
    waiting: int


async def parked(conn: Conn, lane: str | None = None) -> list[ParkedLane]:
    """The parked lanes of a service, longest first; of one lane, at most itself."""
    service = str(await conn.fetchval("SELECT current_schema()")).replace("_", "-")
    return [
        ParkedLane(service, row["shard"], row["lane"], row["error"], row["since"], row["resume"], row["waiting"])
        for row in await conn.fetch(_SQL["parked"], lane)
    ]


async def first_input(conn: Conn, lane: ParkedLane) -> Record | None:
    """The input that stopped the lane, and is the first to be taken when it goes on; None when a timer did."""
    data = await conn.fetchval(_SQL["first_input"], lane.shard, lane.lane)
    return None if data is None else msgspec.msgpack.decode(data, type=Record)
