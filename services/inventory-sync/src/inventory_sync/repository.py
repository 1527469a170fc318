"""The tables of the lanes' supply: one statement per table and batch."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from backorder_runtime import queries
from backorder_runtime.database import Conn
from backorder_runtime.store import Outdated
from inventory_sync.domain.model import Announced, Delivery, Doubt, Lane, Seen

_SQL = queries.load("inventory_sync")
_encode = msgspec.msgpack.Encoder().encode
_doubts = msgspec.msgpack.Decoder(tuple[Doubt, ...])
_NOT_ANNOUNCED = (None, None, None, None, None, None, None, 0, False)


async def load_lanes(conn: Conn, names: Sequence[str]) -> list[Lane]:
    """The lanes among these that have a row, without deliveries."""
    return [Lane(*row) for row in await conn.fetch(_SQL["lanes"], names)]


async def load_open(conn: Conn, lanes: Sequence[str]) -> list[tuple[str, Delivery]]:
    """What is still to come in these lanes."""
    return [_delivery(row) for row in await conn.fetch(_SQL["open_deliveries"], lanes)]


async def load_deliveries(conn: Conn, named: Sequence[tuple[str, str]]) -> list[tuple[str, Delivery]]:
    """Deliveries by lane and name, whether or not they are open."""
    return [_delivery(row) for row in await conn.fetch(_SQL["deliveries"], *_columns(named))]


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


async def load_versions(conn: Conn, named: Sequence[tuple[str, int]]) -> list[tuple[str, int, Seen]]:
    """The versions among these that were taken before."""
    rows = await conn.fetch(_SQL["versions"], *_columns(named))
    return [(lane, version, Seen(on_hand, content, contested)) for lane, version, on_hand, content, contested in rows]


async def load_forgotten(conn: Conn, lanes: Sequence[str]) -> dict[str, int]:
    """The newest version of each of these lanes that was taken and is not stored any more."""
    return dict(await conn.fetch(_SQL["forgotten"], lanes))


async def load_places(conn: Conn, delivery_ids: Sequence[str]) -> dict[str, str]:
    """In which lane each of these deliveries was announced first, of all shards."""
    return dict(await conn.fetch(_SQL["places"], delivery_ids))


async def save_lanes(conn: Conn, shard: int, lanes: Sequence[Lane]) -> None:
    """Store the levels of lanes."""
    rows = [(lane.name, lane.part_id, lane.location_id, lane.on_hand, lane.version) for lane in lanes]
    await conn.execute(_SQL["save_lanes"], shard, *_columns(rows))


async def save_versions(conn: Conn, versions: Sequence[tuple[str, int, Seen]]) -> None:
    """Store versions that were taken, or are contested now."""
    rows = [(lane, version, seen.on_hand, seen.content, seen.contested) for lane, version, seen in versions]
    await conn.execute(_SQL["save_versions"], *_columns(rows))


async def save_deliveries(conn: Conn, deliveries: Sequence[tuple[str, Delivery]]) -> None:
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
    await conn.execute(_SQL["save_deliveries"], *_columns(rows))


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


async def add_places(conn: Conn, places: Mapping[str, str]) -> None:
    """Store where deliveries were announced first. Raises `Outdated` when another shard was faster with one."""
    rows = sorted(places.items())  # all shards in the same order, or they could wait for each other
    answer = await conn.execute(_SQL["add_places"], *_columns(rows))
    if answer != f"INSERT 0 {len(rows)}":
        raise Outdated("a delivery was announced in two lanes at once; deciding again with both known")


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
