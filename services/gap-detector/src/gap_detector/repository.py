"""The ledger's tables: one statement per table and batch."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from operator import attrgetter
from typing import Any, TypeAlias

import msgspec

from backorder_contracts.internal import LineDetail, LineRef, Lot
from backorder_runtime.asking import Asking, Copy, Read, Write, by_column, statements
from gap_detector.domain.model import KeptCancellation, Lane, Line

_SQL = statements("gap_detector")
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
_cancellation = msgspec.msgpack.Decoder(KeptCancellation)


LaneLine: TypeAlias = tuple[Lane, LineRef, Line]
"""A line with its lane, and its name there."""


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


def load_known(refs: Sequence[LineRef]) -> Asking[list[LineRef]]:
    """Those among lines just placed that are no news: placed before, or cancelled before they came."""
    rows = yield Read(_SQL["known"], ([ref.order_id for ref in refs],))
    if not rows:
        return []
    known = {(order_id, line_id) for _, order_id, line_id in rows}
    return [ref for ref in refs if (ref.order_id, ref.line_id) in known or (ref.order_id, None) in known]


def load_lanes(names: Iterable[str]) -> Asking[list[Lane]]:
    """The lanes among these that have a row, without lines."""
    rows = yield Read(_SQL["lanes"], (list(names),))
    plain = ("part_id", "location_id", *_NUMBERS_OF_LANE)
    return [Lane(**{name: row[name] for name in plain}, lots=_lots.decode(row["lots"])) for row in rows]


def load_lines(refs: Sequence[LineRef]) -> Asking[list[StoredLine]]:
    """These lines, wherever they were placed."""
    rows = yield Read(_SQL["lines"], _ref_columns(refs))
    return _lines(rows)


def load_past(refs: Sequence[LineRef]) -> Asking[dict[LineRef, bytes]]:
    """The lines among these that closed long ago, with a digest of what each was."""
    rows = yield Read(_SQL["past_lines"], _ref_columns(refs))
    return {LineRef(order_id, line_id): content for _, order_id, line_id, content in rows}


def digest(line: LineDetail) -> bytes:
    """What is left of a line's content in the end."""
    return sha256(_encode(line)).digest()[:16]


def load_lines_of_orders(order_ids: Sequence[str]) -> Asking[list[StoredLine]]:
    """The lines that these orders have in the shard."""
    rows = yield Read(_SQL["lines_of_orders"], (order_ids,))
    return _lines(rows)


def load_newest_covered(units: Mapping[str, int]) -> Asking[list[StoredLine]]:
    """The newest covered lines of lanes, enough to give up so many units."""
    rows = yield Read(_SQL["newest_covered"], (list(units), list(units.values())))
    return _lines(rows)


def load_cancellations(order_ids: Sequence[str]) -> Asking[list[KeptCancellation]]:
    """What cancelled these orders in the shard, oldest first."""
    rows = yield Read(_SQL["cancellations"], (order_ids,))
    return [_cancellation.decode(message) for _, message in rows]


def _lines(rows: Sequence[Any]) -> list[StoredLine]:
    return [
        StoredLine(
            row["lane"],
            row["place_shard"],
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


def _ref_columns(refs: Sequence[LineRef]) -> tuple[list[str], list[str]]:
    return [ref.order_id for ref in refs], [ref.line_id for ref in refs]


_LANE = ("lane", "shard", "part_id", "location_id", *_NUMBERS_OF_LANE, "lots")
_LINE = ("order_id", "line_id", "place", "shard", "lane", "number", "covered", "need", "counted", "opened", "detail")
_RARE_NUMBERS_OF_NEW_LINE = tuple(name for name in _NUMBERS_OF_LINE if name not in _LINE)
_NOTHING_RARE = (0,) * len(_RARE_NUMBERS_OF_NEW_LINE)
_rare_numbers = attrgetter(*_RARE_NUMBERS_OF_NEW_LINE)
_LAST = 1_000  # new rows go in when all else is known


def add_lanes(shard: int, lanes: Sequence[Lane]) -> Asking[None]:
    """Store lanes that are new."""
    rows = [
        (lane.name, shard, lane.part_id, lane.location_id, *_lane_numbers(lane), _encode(lane.lots)) for lane in lanes
    ]
    yield Copy(_LAST, "lane", _LANE, rows, "a lane that was new is there already; deciding again")


def save_lanes(lanes: Sequence[Lane]) -> Asking[None]:
    """Store the numbers of lanes that were there before."""
    numbers = by_column(map(_lane_numbers, lanes))
    yield Write(_SQL["save_lanes"], ([lane.name for lane in lanes], *numbers, [_encode(lane.lots) for lane in lanes]))


def add_lines(shard: int, lines: Sequence[LaneLine]) -> Asking[None]:
    """Store lines that are new. Another shard may store one of them at the same time."""
    rows = []
    for lane, ref, line in lines:
        detail = None if line.detail is None else _encode(line.detail)
        row = (
            ref.order_id,
            ref.line_id,
            _place(lane, line),
            shard,
            lane.name,
            line.number,
            line.covered,
            line.need,
            line.counted,
            line.opened,
            detail,
        )
        rare = _rare_numbers(line)
        rows.append(row if rare == _NOTHING_RARE else row + rare)
    columns = (*_LINE, *_RARE_NUMBERS_OF_NEW_LINE)
    yield Copy(_LAST + 1, "line", columns, rows, "an order line was placed in two lanes at once; deciding again")


def save_lines(lines: Sequence[LaneLine]) -> Asking[None]:
    """Store the numbers of lines that were there before."""
    rows = []
    for lane, ref, line in lines:
        rows.append((ref.order_id, ref.line_id, _place(lane, line), *_line_numbers(line), line.opened))
    yield Write(_SQL["save_lines"], by_column(rows))


def _place(lane: Lane, line: Line) -> str:
    """What keeps the rows of one line apart: see the table."""
    if line.detail is None:
        return f"?{lane.name}"
    return lane.name if line.detail.rerouted_from else ""


def keep_cancellations(kept: Sequence[KeptCancellation]) -> Asking[None]:
    """Store cancellations for lines that come late."""
    rows = [(c.order_id, c.cancellation_id, _encode(c)) for c in kept]
    yield Write(_SQL["keep_cancellations"], by_column(rows))
