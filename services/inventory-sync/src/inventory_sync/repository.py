"""The tables of the lanes' supply: one statement per table and batch."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from backorder_runtime.asking import Asking, Read, Write, by_column, statements
from inventory_sync.domain.model import Announced, Delivery, Doubt, Lane, Newest, Seen

_SQL = statements("inventory_sync")
_encode = msgspec.msgpack.Encoder().encode
_doubts = msgspec.msgpack.Decoder(tuple[Doubt, ...])
_NOT_ANNOUNCED = (None, None, None, None, None, None, None, 0, False)


def load_lanes(names: Sequence[str]) -> Asking[list[Lane]]:
    """The lanes among these that have a row, without deliveries."""
    rows = yield Read(_SQL["lanes"], (names,))
    return [Lane(*lane) for _, *lane in rows]


def load_open(lanes: Sequence[str]) -> Asking[list[tuple[str, Delivery]]]:
    """What is still to come in these lanes."""
    rows = yield Read(_SQL["open_deliveries"], (lanes,))
    return [_delivery(row) for row in rows]


def load_deliveries(named: Sequence[tuple[str, str]]) -> Asking[list[tuple[str, Delivery]]]:
    """Deliveries by lane and name, whether or not they are open."""
    rows = yield Read(_SQL["deliveries"], by_column(named))
    return [_delivery(row) for row in rows]


def _delivery(row: Any) -> tuple[str, Delivery]:
    announced = None
    if row["version"] is not None:
        announced = Announced(
            version=row["version"],
            supplier_id=row["supplier_id"],
            status=row["status"],
            quantity=row["quantity"],
            received=row["received"],
            promised_at=row["promised_at"],
            first_promised_at=row["first_promised_at"],
            revisions=row["revisions"],
            contested=row["contested"],
        )
    delivery = Delivery(row["delivery_id"], announced, row["in_stock"], row["overdue"], _doubts.decode(row["doubts"]))
    return row["lane"], delivery


def load_versions(named: Sequence[tuple[str, int]]) -> Asking[list[tuple[str, int, Seen]]]:
    """The versions among these that were taken before."""
    rows = yield Read(_SQL["versions"], by_column(named))
    return [(lane, version, Seen(*seen)) for _, lane, version, *seen in rows]


def load_late(lanes: Sequence[str]) -> Asking[list[tuple[str, int, Newest]]]:
    """Of each of these lanes the newest version that is not stored any more (or -1), and its newest of all."""
    rows = yield Read(_SQL["late"], (lanes,))
    return [(lane, forgotten, Newest(taken_at, told)) for _, lane, forgotten, taken_at, told in rows]


def load_places(delivery_ids: Sequence[str]) -> Asking[dict[str, str]]:
    """In which lane each of these deliveries was announced first, of all shards."""
    rows = yield Read(_SQL["places"], (delivery_ids,))
    return {delivery_id: lane for _, delivery_id, lane in rows}


def save_lanes(lanes: Sequence[Lane]) -> Asking[None]:
    """Store the levels of lanes."""
    rows = [(lane.name, lane.part_id, lane.location_id, lane.on_hand, lane.version) for lane in lanes]
    yield Write(_SQL["save_lanes"], by_column(rows))


def save_versions(versions: Sequence[tuple[str, int, Seen]]) -> Asking[None]:
    """Store versions that were taken, or are contested now."""
    rows = [(lane, version, seen.on_hand, seen.content, seen.contested) for lane, version, seen in versions]
    yield Write(_SQL["save_versions"], by_column(rows))


def save_stale(versions: Mapping[str, int]) -> Asking[None]:
    """Store of lanes behind which version people know the feed to be."""
    yield Write(_SQL["save_stale"], (list(versions), list(versions.values())))


def save_deliveries(deliveries: Sequence[tuple[str, Delivery]]) -> Asking[None]:
    """Store all that is known of deliveries."""
    rows = [
        (
            lane,
            delivery.delivery_id,
            *_announced(delivery.announced),
            delivery.in_stock,
            delivery.open_quantity,
            delivery.overdue,
            delivery.is_open,
            _encode(delivery.doubts),
        )
        for lane, delivery in deliveries
    ]
    yield Write(_SQL["save_deliveries"], by_column(rows))


def _announced(known: Announced | None) -> tuple[Any, ...]:
    if known is None:
        return _NOT_ANNOUNCED
    return (
        known.supplier_id,
        known.version,
        known.status,
        known.quantity,
        known.received,
        known.promised_at,
        known.first_promised_at,
        known.revisions,
        known.contested,
    )


def add_places(places: Mapping[str, str]) -> Asking[None]:
    """Store where deliveries were announced first. Another shard may be faster with one."""
    outdated = "a delivery was announced in two lanes at once; deciding again with both known"
    yield Write(_SQL["add_places"], (list(places), list(places.values())), outdated)
