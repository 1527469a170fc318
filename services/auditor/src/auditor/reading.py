"""Reads both ledgers side by side, lane after lane: two streams in lane order, a few thousand rows in memory.

Of what the priority-router stores, this declares only what it reads.
"""

import asyncio
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from asyncpg.cursor import Cursor
from msgspec import Struct

from auditor.domain.books import BackOrder, Ledger, LedgerLine, Pair
from auditor.domain.identities import NAMED, LaneAudit
from auditor.domain.report import Debt, Drift, Report
from auditor.flight import Flight
from backorder_runtime import queries
from backorder_runtime.database import Conn

_SQL = queries.load("auditor")
_AT_ONCE = 500
_LONGEST_REST = 1.0  # seconds
_SORTING = 600.0  # seconds that the first rows may take


class _Queue(Struct, frozen=True, gc=False):
    idle: int
    unsettled_by: Any


class _Order(Struct, frozen=True, gc=False):
    back_ordered: int
    allocated: int
    released: int
    shipped: int
    cancelled: int
    counted: int
    held: bool
    due_at: datetime | None
    closed_at: datetime | None


_queue = msgspec.msgpack.Decoder(_Queue).decode
_order = msgspec.msgpack.Decoder(_Order).decode
_EMPTY = _Queue(0, None)


class _Rest:
    """Between portions, as long as the last took: others wait for the processor that an audit has all to itself."""

    def __init__(self, *, gently: bool) -> None:
        self._gently = gently
        self._since = time.monotonic()

    async def take(self) -> None:
        """Rest, if gently."""
        if self._gently:
            await asyncio.sleep(min(time.monotonic() - self._since, _LONGEST_REST))
            self._since = time.monotonic()


class _Rows:
    """The rows of a query in lane order; `head` is the next one, None at the end."""

    def __init__(self, cursor: "Cursor[Any]", rest: _Rest) -> None:
        self._cursor = cursor
        self._rest = rest
        self._rows: Sequence[Any] = ()
        self._at = 0
        self.head: Any = None

    async def step(self) -> None:
        """Go on to the next row."""
        self._at += 1
        if self._at >= len(self._rows):
            await self._rest.take()
            self._rows, self._at = await self._cursor.fetch(_AT_ONCE, timeout=_SORTING), 0
        self.head = self._rows[self._at] if self._rows else None

    @property
    def lane(self) -> str | None:
        """The lane of the next row."""
        return None if self.head is None else self.head["lane"]


async def compare(conn: Conn, flight: Flight, ended_since: datetime, report: Report, *, gently: bool = False) -> None:
    """Judge every lane and write it into the report. `ended_since`: which back orders that ended are read too.

    Gently, it takes twice as long and one processor at most, half of the time.

    Raises what the database raises, and `msgspec.DecodeError` when a stored state is not what we know.
    """
    await conn.execute("SET LOCAL work_mem = '64MB'")
    if gently:
        await conn.execute("SET LOCAL max_parallel_workers_per_gather = 0")
    rest = _Rest(gently=gently)
    lanes = _Rows(await conn.cursor(_SQL["lanes"]), rest)
    lines = _Rows(await conn.cursor(_SQL["lines"], ended_since), rest)
    await lanes.step()
    await lines.step()
    while names := [lane for lane in (lanes.lane, lines.lane) if lane is not None]:
        name = min(names)  # code points, as the database sorts them
        row = lanes.head if lanes.lane == name else None
        await _lane(name, row, lines, flight, report)
        if row is not None:
            await lanes.step()
    await _name_covered_lines(conn, report)


async def _lane(name: str, row: Any, lines: _Rows, flight: Flight, report: Report) -> None:
    queue = _EMPTY if row is None or row["state"] is None else _queue(row["state"])
    moving = queue.unsettled_by is not None or flight.has(name, -1 if row is None else row["shard"])
    audit = LaneAudit()
    while lines.lane == name:
        if not moving:
            audit.add(_pair(lines.head))
        await lines.step()
    if moving:
        report.in_flight += 1
        return
    report.checked += 1
    report.lines += audit.lines
    if findings := audit.findings(_ledger(row), queue.idle):
        report.drift(Drift(name, findings, audit.more))
    if queue.idle < 0:
        report.owe(Debt(name, -queue.idle))


def _ledger(row: Any) -> Ledger:
    if row is None:
        return Ledger()
    return Ledger(
        row["on_hand"],
        row["covered"],
        row["handed"],
        row["needed"],
        row["lines_covered"],
        row["lines_counted"],
        row["lowest"],
    )


def _pair(row: Any) -> Pair:
    line = None if row["need"] is None else LedgerLine(row["need"], row["counted"], row["cancelling"])
    return Pair(row["order_id"], row["line_id"], line, None if row["state"] is None else _back_order(row))


def _back_order(row: Any) -> BackOrder:
    state = _order(row["state"])
    return BackOrder(
        row["back_order_id"],
        row["waiting"],
        state.back_ordered,
        state.allocated,
        state.released,
        state.shipped,
        state.cancelled,
        state.counted,
        state.held,
        state.due_at is not None,
        state.closed_at is not None,
    )


async def _name_covered_lines(conn: Conn, report: Report) -> None:
    """Which lines the cover of a lane belongs to is not in the streams: it is asked for where it matters."""
    for place, drift in enumerate(report.drifts):
        if drift.is_about_cover:
            rows = await conn.fetch(_SQL["covered_lines"], drift.lane, NAMED)
            names = tuple(f"order {row['order_id']} line {row['line_id']}" for row in rows)
            report.drifts[place] = drift.naming_cover(names)
