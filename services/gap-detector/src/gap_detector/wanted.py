"""What a batch needs in memory before it can be decided."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from backorder_contracts.internal import LineRecalled, LineRef, OrderCancelled, QueueNeed
from backorder_runtime.handler import Arrived
from gap_detector.domain.events import LineArrived, StockMoved


@dataclass(frozen=True, slots=True)
class Wanted:
    """Lanes by name with their part and location, lines, and the lowest level of each lane.

    `refs` are lines that were placed before, as far as their messages know; `arriving` those that come now, from an
    order or by a reroute, whether or not another message names them: what is kept for a line is found by its arrival.
    `placed` are the ones from an order. All is needed of the `cancelled` orders. Of the `asked` ones a line that is
    placed now matters later in the batch: they are cancelled, or a line of them comes twice.
    """

    lanes: dict[str, tuple[str, str]]
    refs: set[LineRef]
    arriving: list[LineRef]
    placed: list[LineRef]
    cancelled: list[str]
    asked: set[str]
    levels: dict[str, int]


def wanted_by(arrived: Sequence[Arrived[Any]]) -> Wanted:
    """What these inputs name."""
    lanes: dict[str, tuple[str, str]] = {}
    refs: set[LineRef] = set()
    arriving: dict[LineRef, None] = {}  # as a set that knows who came first: its order is that of the memory
    placed: list[LineRef] = []
    cancelled: set[str] = set()
    repeated: set[str] = set()
    levels: dict[str, int] = {}
    for item in arrived:
        match item.event:
            case LineArrived(line, ref):
                if item.lane not in lanes:
                    lanes[item.lane] = (line.part_id, line.location_id)
                if ref in arriving:
                    repeated.add(ref.order_id)
                arriving[ref] = None
                if line.rerouted_from is None:
                    placed.append(ref)
            case LineRecalled() as recalled:
                lanes[item.lane] = (recalled.part_id, recalled.location_id)
                refs.add(recalled.ref)
            case OrderCancelled(order_id=order_id):
                cancelled.add(order_id)
            case QueueNeed() as need:
                lanes[item.lane] = (need.part_id, need.location_id)
                refs.update(change.ref for change in need.changes)
                refs.update(answer.ref for answer in need.answers)
            case StockMoved() as stock:
                lanes[item.lane] = (stock.part_id, stock.location_id)
                refs.update(LineRef(shipped.order_id, shipped.line_id) for shipped in stock.shipped)
                levels[item.lane] = min(stock.on_hand, levels.get(item.lane, stock.on_hand))
    return Wanted(lanes, refs, list(arriving), placed, list(cancelled), cancelled | repeated, levels)
