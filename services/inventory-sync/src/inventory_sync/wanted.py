"""What a batch needs in memory before it can be decided."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from backorder_contracts.internal import DeliveryEntry, StockEntry
from backorder_runtime.handler import Arrived
from inventory_sync.domain.events import TimeCame


@dataclass(frozen=True, slots=True)
class Wanted:
    """Lanes (`lanes` with part and location where an entry says so), their versions and deliveries by name.

    `announced` are the deliveries of which it matters which lane had them first.
    """

    names: frozenset[str]
    lanes: dict[str, tuple[str, str]]
    versions: list[tuple[str, int]]
    deliveries: list[tuple[str, str]]
    announced: list[tuple[str, str]]


def wanted_by(arrived: Sequence[Arrived[Any]]) -> Wanted:
    """What these inputs name."""
    lanes: dict[str, tuple[str, str]] = {}
    versions: set[tuple[str, int]] = set()
    deliveries: set[tuple[str, str]] = set()
    announced: set[tuple[str, str]] = set()
    for item in arrived:
        match item.event:
            case StockEntry() as stock:
                lanes[item.lane] = (stock.part_id, stock.location_id)
                versions.add((item.lane, stock.version))
                if stock.delivery_id is not None:
                    deliveries.add((item.lane, stock.delivery_id))
            case DeliveryEntry() as delivery:
                lanes[item.lane] = (delivery.part_id, delivery.location_id)
                deliveries.add((item.lane, delivery.delivery_id))
                announced.add((item.lane, delivery.delivery_id))
            case TimeCame(_, delivery_id):
                deliveries.add((item.lane, delivery_id))
    names = frozenset(item.lane for item in arrived)
    return Wanted(names, lanes, sorted(versions), sorted(deliveries), sorted(announced))
