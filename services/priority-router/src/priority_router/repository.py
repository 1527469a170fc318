"""The queue's tables: one statement per table and batch."""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from backorder_contracts.internal import Cause, Lot
from backorder_runtime import queries
from backorder_runtime.database import Conn
from priority_router.decisions import Decision
from priority_router.domain.events import Inbound
from priority_router.domain.model import LaneQueue
from priority_router.domain.order import BackOrder

_SQL = queries.load("priority_router")
_TURN = 2_000  # rows that are decoded before the other shards have their turn


class LaneState(Struct, frozen=True):
    """What a queue has besides its back orders."""

    idle: int
    idle_lots: tuple[Lot, ...]
    inbound: tuple[Inbound, ...]
    supplied: int
    stirred_by: Cause | None
    timers: dict[str, datetime]
    unsettled_by: Cause | None = None


class StoredLane(Struct, frozen=True):
    """A queue as it was stored, and the policy it stands by."""

    lane: str
    policy_version: str
    state: LaneState


class StoredBackOrder(Struct, frozen=True):
    """A back order as it was stored."""

    lane: str
    shard: int
    order: BackOrder


_encode = msgspec.msgpack.Encoder().encode
_lane = msgspec.msgpack.Decoder(LaneState)
_order = msgspec.msgpack.Decoder(BackOrder)


async def load_lanes(conn: Conn, lanes: Iterable[str]) -> list[StoredLane]:
    """The queues among these that have a row."""
    rows = await conn.fetch(_SQL["lanes"], list(lanes))
    return [StoredLane(lane, version, _lane.decode(state)) for lane, version, state in rows]


async def load_open(conn: Conn, lanes: Iterable[str]) -> dict[str, list[BackOrder]]:
    """All open back orders of lanes."""
    found: dict[str, list[BackOrder]] = {}
    for count, (lane, state) in enumerate(await conn.fetch(_SQL["open_back_orders"], list(lanes)), 1):
        found.setdefault(lane, []).append(_order.decode(state))
        if count % _TURN == 0:
            await asyncio.sleep(0)
    return found


async def load_back_orders(conn: Conn, ids: Iterable[str]) -> list[StoredBackOrder]:
    """These back orders, open or closed, in whichever lane they are."""
    rows = await conn.fetch(_SQL["back_orders"], list(ids))
    return [StoredBackOrder(lane, shard, _order.decode(state)) for lane, shard, state in rows]


async def load_answered(conn: Conn, shard: int, command_ids: Iterable[str]) -> set[str]:
    """Which of these commands were answered before."""
    return {row[0] for row in await conn.fetch(_SQL["answered"], shard, list(command_ids))}


async def save_lanes(conn: Conn, shard: int, queues: Sequence[LaneQueue]) -> None:
    """Store queues without their back orders."""
    states = [
        LaneState(q.idle, q.idle_lots, q.inbound, q.supplied, q.stirred_by, q.timers, q.unsettled_by) for q in queues
    ]
    await conn.execute(
        _SQL["save_lanes"],
        shard,
        [queue.lane for queue in queues],
        [queue.policy.version for queue in queues],
        [_encode(state) for state in states],
    )


async def save_back_orders(conn: Conn, shard: int, orders: Sequence[tuple[str, BackOrder]]) -> None:
    """Store back orders with the lane of each."""
    rows: list[tuple[Any, ...]] = [
        (
            lane,
            order.back_order_id,
            order.line.order_id,
            order.line.line_id,
            order.status,
            order.band_name,
            order.opened_at,
            order.closed_at,
            order.band if order.due_at is not None else None,
            order.due_at,
            order.line.placed_at,
            order.waiting,
            order.due_at is not None and order.waiting > 0 and not order.held and not order.lending,
            _encode(order),
            order.revivable,
        )
        for lane, order in orders
    ]
    await conn.execute(_SQL["save_back_orders"], shard, *(list(column) for column in zip(*rows, strict=True)))


async def add_decisions(conn: Conn, decisions: Sequence[tuple[str, Decision]]) -> None:
    """Keep why it was decided so."""
    rows: list[tuple[Any, ...]] = [
        (d.back_order_id, d.version, lane, d.at, d.kind, d.rule, d.rank, _encode(d.detail)) for lane, d in decisions
    ]
    await conn.execute(_SQL["add_decisions"], *(list(column) for column in zip(*rows, strict=True)))


async def add_journal(conn: Conn, shard: int, at: datetime, entry: bytes) -> None:
    """Keep what a batch decided about."""
    await conn.execute(_SQL["add_journal"], shard, at, entry)


async def note_answered(conn: Conn, shard: int, command_ids: Sequence[str]) -> None:
    """Remember that commands were answered."""
    await conn.execute(_SQL["note_answered"], shard, list(command_ids))


async def open_by_band(conn: Conn, shards: Sequence[int]) -> list[tuple[str | None, int, datetime]]:
    """How many back orders are open in each band, and since when the oldest is."""
    return [tuple(row) for row in await conn.fetch(_SQL["open_by_band"], list(shards))]
