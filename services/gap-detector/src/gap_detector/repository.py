"""The ledger's tables: one statement per table and batch."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from operator import attrgetter, itemgetter
from typing import Any

import msgspec
from asyncpg import UniqueViolationError

from backorder_contracts.internal import LineDetail, LineRef, Lot, OrderCancelled
from backorder_runtime import queries
from backorder_runtime.database import Conn
from backorder_runtime.store import Outdated
from gap_detector.domain.model import Lane, Line

_SQL = queries.load("gap_detector")
_NUMBERS_OF_LANE = ("on_hand", "version", "covered", "handed", "needed", "number")
_NUMBERS_OF_LINE = (
    "covered",
    "cover_shipped",
    "need",
    "counted",
    "cancelling",
    "shipped",
    "cancelled",
    "away",
    "recalled",
)
_lane_numbers = attrgetter(*_NUMBERS_OF_LANE)
_line_numbers = attrgetter(*_NUMBERS_OF_LINE)
_encode = msgspec.msgpack.Encoder().encode
_lots = msgspec.msgpack.Decoder(tuple[Lot, ...])
_detail = msgspec.msgpack.Decoder(LineDetail)
_cancellation = msgspec.msgpack.Decoder(OrderCancelled)


@dataclass(frozen=True, slots=True)
class StoredLine:
    """A line as it stands in the table; `first` when this is the lane where it was first placed.

    Without a detail, only a shipment of the line is known.
    """

    lane: str
    shard: int
    first: bool
    line: Line
    ref: LineRef


async def load_lanes(conn: Conn, names: Iterable[str]) -> list[Lane]:
    """The lanes among these that have a row, without lines."""
    rows = await conn.fetch(_SQL["lanes"], list(names))
    return [Lane(**{**row, "lots": _lots.decode(row["lots"])}) for row in rows]


async def load_lines(conn: Conn, refs: Sequence[LineRef]) -> list[StoredLine]:
    """These lines, wherever they were placed."""
    return _lines(await conn.fetch(_SQL["lines"], *_ref_columns(refs)))


async def load_past(conn: Conn, refs: Sequence[LineRef]) -> dict[LineRef, bytes]:
    """The lines among these that closed long ago, with a digest of what each was."""
    rows = await conn.fetch(_SQL["past_lines"], *_ref_columns(refs))
    return {LineRef(order_id, line_id): content for order_id, line_id, content in rows}


def digest(line: LineDetail) -> bytes:
    """What is left of a line's content in the end."""
    return sha256(_encode(line)).digest()[:16]


async def load_lines_of_orders(conn: Conn, order_ids: Sequence[str], shard: int) -> list[StoredLine]:
    """The lines that these orders have in the shard."""
    return _lines(await conn.fetch(_SQL["lines_of_orders"], order_ids, shard))


async def load_newest_covered(conn: Conn, units: Mapping[str, int]) -> list[StoredLine]:
    """The newest covered lines of lanes, enough to give up so many units."""
    return _lines(await conn.fetch(_SQL["newest_covered"], list(units), list(units.values())))


async def load_cancellations(conn: Conn, order_ids: Sequence[str], shard: int) -> list[OrderCancelled]:
    """What cancelled these orders, oldest first."""
    rows = await conn.fetch(_SQL["cancellations"], shard, queries.texts(order_ids))
    return [_cancellation.decode(message) for (message,) in rows]


def _lines(rows: Sequence[Any]) -> list[StoredLine]:
    return [
        StoredLine(
            row["lane"],
            row["shard"],
            not row["place"],
            Line(
                detail=None if row["detail"] is None else _detail.decode(row["detail"]),
                number=row["number"],
                covered=row["covered"],
                cover_shipped=row["cover_shipped"],
                need=row["need"],
                counted=row["counted"],
                cancelling=row["cancelling"],
                shipped=row["shipped"],
                cancelled=row["cancelled"],
                away=row["away"],
                recalled=row["recalled"],
                opened=row["opened"],
            ),
            LineRef(row["order_id"], row["line_id"]),
        )
        for row in rows
    ]


def _ref_columns(refs: Sequence[LineRef]) -> tuple[str, str]:
    return queries.texts(ref.order_id for ref in refs), queries.texts(ref.line_id for ref in refs)


_LANE = ("lane", "shard", "part_id", "location_id", *_NUMBERS_OF_LANE, "lots")
_LINE = ("order_id", "line_id", "place", "shard", "lane", "number", *_NUMBERS_OF_LINE, "opened", "detail")


async def add_lanes(conn: Conn, shard: int, lanes: Sequence[Lane]) -> None:
    """Store lanes that are new."""
    rows = [
        (lane.name, shard, lane.part_id, lane.location_id, *_lane_numbers(lane), _encode(lane.lots)) for lane in lanes
    ]
    await conn.copy_records_to_table("lane", records=rows, columns=_LANE)


async def save_lanes(conn: Conn, lanes: Sequence[Lane]) -> None:
    """Store the numbers of lanes that were there before."""
    names = queries.texts(lane.name for lane in lanes)
    columns = map(queries.numbers, zip(*map(_lane_numbers, lanes), strict=True))
    await conn.execute(_SQL["save_lanes"], names, *columns, [_encode(lane.lots) for lane in lanes])


async def add_lines(conn: Conn, shard: int, lines: Sequence[tuple[Lane, LineRef]]) -> None:
    """Store lines that are new. Raises `Outdated` when another shard stored one of them meanwhile."""
    rows = []
    for lane, ref in lines:
        line = lane.lines[ref]
        detail = None if line.detail is None else _encode(line.detail)
        place = (ref.order_id, ref.line_id, _place(lane, line), shard, lane.name, line.number)
        rows.append((*place, *_line_numbers(line), line.opened, detail))
    # in one order for all shards, so that two that store the same lines wait for each other, not in a circle
    rows.sort(key=itemgetter(0, 1))
    try:
        await conn.copy_records_to_table("line", records=rows, columns=_LINE)
    except UniqueViolationError as error:
        raise Outdated("an order line was placed in two lanes at once; deciding again with both known") from error


async def save_lines(conn: Conn, lines: Sequence[tuple[Lane, LineRef]]) -> None:
    """Store the numbers of lines that were there before."""
    rows = []
    for lane, ref in lines:
        line = lane.lines[ref]
        rows.append((ref.order_id, ref.line_id, _place(lane, line), *_line_numbers(line), line.opened))
    await conn.execute(_SQL["save_lines"], *_columns(rows))


def _place(lane: Lane, line: Line) -> str:
    """What keeps the rows of one line apart: see the table."""
    if line.detail is None:
        return f"?{lane.name}"
    return lane.name if line.detail.rerouted_from else ""


async def keep_cancellations(conn: Conn, shard: int, kept: Sequence[OrderCancelled]) -> None:
    """Store cancellations for lines that come late."""
    rows = [(c.order_id, c.cancellation_id, _encode(c)) for c in kept]
    await conn.execute(_SQL["keep_cancellations"], shard, *_columns(rows))


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
