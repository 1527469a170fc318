"""The ledger's tables: one statement per table and batch."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from backorder_contracts.internal import LineDetail, LineRef, Lot, OrderCancelled
from backorder_runtime import queries
from backorder_runtime.database import Conn
from backorder_runtime.store import Outdated

from gap_detector.domain.model import Lane, Line

_SQL = queries.load("gap_detector")
_encode = msgspec.msgpack.Encoder().encode
_lots = msgspec.msgpack.Decoder(tuple[Lot, ...])
_detail = msgspec.msgpack.Decoder(LineDetail)
_cancellation = msgspec.msgpack.Decoder(OrderCancelled)


@dataclass(frozen=True, slots=True)
class StoredLine:
    """A line as it stands in the table; `first` when this is the lane where it was first placed."""

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


async def load_lines_of_orders(conn: Conn, order_ids: Sequence[str], shard: int) -> list[StoredLine]:
    """The lines that these orders have in the shard."""
    return _lines(await conn.fetch(_SQL["lines_of_orders"], order_ids, shard))


async def load_newest_covered(conn: Conn, units: Mapping[str, int]) -> list[StoredLine]:
    """The newest covered lines of lanes, enough to give up so many units."""
    return _lines(await conn.fetch(_SQL["newest_covered"], list(units), list(units.values())))


async def load_early_shipments(conn: Conn, refs: Sequence[LineRef]) -> list[tuple[str, LineRef, int]]:
    """Shipments that overtook these lines: lane, line, units."""
    rows = await conn.fetch(_SQL["early_shipments"], *_ref_columns(refs))
    return [(lane, LineRef(order_id, line_id), shipped) for lane, order_id, line_id, shipped in rows]


async def load_cancellations(conn: Conn, order_ids: Sequence[str], shard: int) -> list[OrderCancelled]:
    """What cancelled these orders, oldest first."""
    rows = await conn.fetch(_SQL["cancellations"], shard, order_ids)
    return [_cancellation.decode(message) for (message,) in rows]


def _lines(rows: Sequence[Any]) -> list[StoredLine]:
    return [
        StoredLine(
            row["lane"],
            row["shard"],
            not row["rerouted_to"],
            Line(
                detail=_detail.decode(row["detail"]),
                number=row["number"],
                covered=row["covered"],
                cover_shipped=row["cover_shipped"],
                need=row["need"],
                counted=row["counted"],
                cancelling=row["cancelling"],
                shipped=row["shipped"],
                cancelled=row["cancelled"],
                opened=row["opened"],
            ),
            LineRef(row["order_id"], row["line_id"]),
        )
        for row in rows
    ]


def _ref_columns(refs: Sequence[LineRef]) -> tuple[list[str], list[str]]:
    return [ref.order_id for ref in refs], [ref.line_id for ref in refs]


async def save_lanes(conn: Conn, shard: int, lanes: Sequence[Lane]) -> None:
    """Store the numbers of lanes."""
    rows = [
        (
            lane.name,
            lane.part_id,
            lane.location_id,
            lane.on_hand,
            lane.version,
            lane.covered,
            lane.handed,
            lane.needed,
            lane.number,
            _encode(lane.lots),
        )
        for lane in lanes
    ]
    await conn.execute(_SQL["save_lanes"], shard, *_columns(rows))


async def add_lines(conn: Conn, shard: int, lines: Sequence[tuple[Lane, LineRef]]) -> None:
    """Store lines that are new. Raises `Outdated` when another shard stored one of them meanwhile."""
    rows = []
    for lane, ref in sorted(lines, key=lambda item: (item[1].order_id, item[1].line_id)):
        line = lane.lines[ref]
        rerouted_to = lane.name if line.detail and line.detail.rerouted_from else ""
        numbers = _numbers(line)
        rows.append(
            (
                ref.order_id,
                ref.line_id,
                rerouted_to,
                lane.name,
                line.number,
                *numbers,
                line.opened,
                _encode(line.detail),
            )
        )
    answer = await conn.execute(_SQL["add_lines"], shard, *_columns(rows))
    if answer != f"INSERT 0 {len(rows)}":
        raise Outdated("an order line was placed in two lanes at once; deciding again with both known")


async def save_lines(conn: Conn, lines: Sequence[tuple[Lane, LineRef]]) -> None:
    """Store the numbers of lines that were there before."""
    rows = []
    for lane, ref in lines:
        line = lane.lines[ref]
        rerouted_to = lane.name if line.detail and line.detail.rerouted_from else ""
        rows.append((ref.order_id, ref.line_id, rerouted_to, *_numbers(line), line.opened))
    await conn.execute(_SQL["save_lines"], *_columns(rows))


async def save_early_shipments(conn: Conn, lines: Sequence[tuple[Lane, LineRef]]) -> None:
    """Store shipments of lines that are not known yet."""
    rows = [(lane.name, ref.order_id, ref.line_id, lane.lines[ref].shipped) for lane, ref in lines]
    await conn.execute(_SQL["save_early_shipments"], *_columns(rows))


async def keep_cancellations(conn: Conn, shard: int, kept: Sequence[OrderCancelled]) -> None:
    """Store cancellations for lines that come late."""
    rows = [(c.order_id, c.cancellation_id, _encode(c)) for c in kept]
    await conn.execute(_SQL["keep_cancellations"], shard, *_columns(rows))


def _numbers(line: Line) -> tuple[int, ...]:
    return (
        line.covered,
        line.cover_shipped,
        line.need,
        line.counted,
        line.cancelling,
        line.shipped,
        line.cancelled,
    )


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
