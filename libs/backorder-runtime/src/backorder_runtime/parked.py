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
    """A lane that a defect of ours stopped; `resuming` when it was asked to go on and has not with all that waits."""

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
    """The first input to be taken when the lane goes on: mostly the one that stopped it. None when a timer did."""
    data = await conn.fetchval(_SQL["first_input"], lane.shard, lane.lane)
    return None if data is None else msgspec.msgpack.decode(data, type=Record)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a parked lane stands: its error, whether it is to go on, and the id of the first input that waits."""

    error: str
    resuming: bool
    first: int | None


async def standing(conn: Conn, lane: str) -> Standing | None:
    """Where a lane stands now; None when it is not parked. Counts nothing: a lane may have kept millions."""
    row = await conn.fetchrow(_SQL["standing"], lane)
    return None if row is None else Standing(row["error"], row["resume"], row["first"])
