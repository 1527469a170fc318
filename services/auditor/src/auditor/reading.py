"""Reads both ledgers side by side, in portions, and judges lane after lane. In memory are sums per lane.

Of what the priority-router stores, this declares only what it reads.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from auditor.domain.books import BackOrder, Ledger, LedgerLine, Pair
from auditor.domain.identities import NAMED, LaneAudit
from auditor.domain.report import Debt, Drift, Report
from auditor.flight import Flight
from backorder_runtime import queries
from backorder_runtime.database import Conn

_SQL = queries.load("auditor")
_AT_ONCE = 500  # rows
_PAGES = 1_024  # of the table of lines, 8 MB
_LONGEST_REST = 1.0  # seconds
_FIRST_ROWS = 600.0  # seconds: one side of a join is read before them


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


class _Sums(NamedTuple):
    """What the ledger has of all lines of a lane, whether or not the queue knows them; `lowest` is 0 at most."""

    covered: int = 0
    counted: int = 0
    lowest: int = 0

    def and_those(self, covered: int, counted: int, lowest: int) -> "_Sums":
        return _Sums(self.covered + covered, self.counted + counted, min(self.lowest, lowest))


_NO_LINES = _Sums()


class _Rest:
    """After a portion, a quarter of the time it took: others wait for the processor that an audit has all to itself.

    No longer, because of what changes meanwhile the database keeps every version for the audit: what it updates most
    costs it more with every second of one.
    """

    def __init__(self, *, gently: bool) -> None:
        self._gently = gently
        self._since = time.monotonic()

    async def take(self) -> None:
        """Rest, if gently."""
        if self._gently:
            await asyncio.sleep(min((time.monotonic() - self._since) / 4, _LONGEST_REST))
            self._since = time.monotonic()


async def compare(conn: Conn, flight: Flight, ended_since: datetime, report: Report, *, gently: bool = False) -> None:
    """Judge every lane and write it into the report. `ended_since`: which back orders that ended are read too.

    Gently, it takes one processor at most, and lets others have it after each portion of milliseconds.

    Raises what the database raises, and `msgspec.DecodeError` when a stored state is not what we know.
    """
    await conn.execute("SET LOCAL work_mem = '64MB'")
    rest = _Rest(gently=gently)
    sums = await _sums(conn, rest)
    audits = await _audits(conn, ended_since, rest)
    async for row in _rows(conn, rest, "lanes"):
        name = row["lane"]
        _judge(name, row, sums.pop(name, _NO_LINES), audits.pop(name, None), flight, report)
    for name in sorted(sums.keys() | audits.keys()):  # lanes of which there are lines and nothing else
        _judge(name, None, sums.get(name, _NO_LINES), audits.get(name), flight, report)
    await _name_covered_lines(conn, report)


async def _sums(conn: Conn, rest: _Rest) -> dict[str, _Sums]:
    """The sums of each lane. Pages that were added after the snapshot have nothing that it sees."""
    sums: dict[str, _Sums] = {}
    statement = await conn.prepare(_SQL["line_sums"])
    for page in range(0, await conn.fetchval(_SQL["line_pages"]), _PAGES):
        for lane, covered, counted, lowest in await statement.fetch((page, 0), (page + _PAGES, 0)):
            sums[lane] = sums.get(lane, _NO_LINES).and_those(covered, counted, lowest)
        await rest.take()
    return sums


async def _audits(conn: Conn, ended_since: datetime, rest: _Rest) -> dict[str, LaneAudit]:
    """The audits of the lanes that have lines in the queue, with all those lines added."""
    audits: dict[str, LaneAudit] = defaultdict(LaneAudit)
    async for row in _rows(conn, rest, "lines", ended_since):
        audits[row["lane"]].add(_pair(row))
    return audits


async def _rows(conn: Conn, rest: _Rest, name: str, *arguments: object) -> AsyncIterator[Any]:
    """The rows of a query, read in portions."""
    cursor = await conn.cursor(_SQL[name], *arguments)
    while rows := await cursor.fetch(_AT_ONCE, timeout=_FIRST_ROWS):
        for row in rows:
            yield row
        await rest.take()


def _judge(name: str, row: Any, sums: _Sums, audit: LaneAudit | None, flight: Flight, report: Report) -> None:
    queue = _EMPTY if row is None or row["state"] is None else _queue(row["state"])
    if queue.unsettled_by is not None or flight.has(name, -1 if row is None else row["shard"]):
        report.in_flight += 1
        return
    audit = audit or LaneAudit()
    report.checked += 1
    report.lines += audit.lines
    if findings := audit.findings(_ledger(row, sums), queue.idle):
        report.drift(Drift(name, findings, audit.more))
    if queue.idle < 0:
        report.owe(Debt(name, -queue.idle))


def _ledger(row: Any, sums: _Sums) -> Ledger:
    if row is None:
        return Ledger(0, 0, 0, 0, *sums)
    return Ledger(row["on_hand"], row["covered"], row["handed"], row["needed"], *sums)


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
