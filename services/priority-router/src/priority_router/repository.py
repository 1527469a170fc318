"""The queue's tables: one statement per table and batch."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from backorder_contracts.internal import Cause, CommandEntry, Lot
from backorder_runtime.asking import Asking, Breath, Read, Write, by_column, statements
from backorder_runtime.database import Conn
from priority_router.answered import Answered
from priority_router.decisions import Decision
from priority_router.domain.events import Inbound
from priority_router.domain.model import LaneQueue
from priority_router.domain.order import BackOrder

_SQL = statements("priority_router")
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
    order: BackOrder


_encode = msgspec.msgpack.Encoder().encode
_lane = msgspec.msgpack.Decoder(LaneState)
_order = msgspec.msgpack.Decoder(BackOrder)


def load_lanes(lanes: Iterable[str]) -> Asking[list[StoredLane]]:
    """The queues among these that have a row."""
    rows = yield Read(_SQL["lanes"], (list(lanes),))
    return [StoredLane(lane, version, _lane.decode(state)) for _, lane, version, state in rows]


def load_policy(version: str) -> Asking[str | None]:
    """The text of a policy, None when it was never kept."""
    rows = yield Read(_SQL["policy"], ([version],))
    return rows[0][1] if rows else None


def load_open(lanes: Iterable[str]) -> Asking[dict[str, list[BackOrder]]]:
    """All open back orders of lanes."""
    found: dict[str, list[BackOrder]] = {}
    rows = yield Read(_SQL["open_back_orders"], (list(lanes),))
    for count, (_, lane, state) in enumerate(rows, 1):
        found.setdefault(lane, []).append(_order.decode(state))
        if count % _TURN == 0:
            yield Breath()
    return found


def load_back_orders(ids: Iterable[str]) -> Asking[list[StoredBackOrder]]:
    """These back orders, open or closed, in whichever lane they are."""
    rows = yield Read(_SQL["back_orders"], (list(ids),))
    return [StoredBackOrder(lane, _order.decode(state)) for _, lane, state in rows]


def load_answered(commands: Iterable[CommandEntry]) -> Asking[Answered]:
    """Which of these commands were answered before."""
    keys = dict.fromkeys(key for each in commands for key in (each.cause.id, each.command_id))
    rows = yield Read(_SQL["answered"], (list(keys),))
    return Answered({key: content for _, key, content in rows})


def save_lanes(queues: Sequence[LaneQueue]) -> Asking[None]:
    """Store queues without their back orders."""
    states = [
        LaneState(q.idle, q.idle_lots, q.inbound, q.supplied, q.stirred_by, q.timers, q.unsettled_by) for q in queues
    ]
    yield Write(
        _SQL["save_lanes"],
        (
            [queue.lane for queue in queues],
            [queue.policy.version for queue in queues],
            [_encode(state) for state in states],
        ),
    )


def hold_policy(number: int) -> Asking[None]:
    """Until it ends, whoever puts a policy in force in the process of this number waits for this transaction."""
    yield Read(_SQL["hold_policy"], ([number],))


def ask_lanes(lanes: Sequence[str]) -> Asking[None]:
    """Have lanes ranked by the policy in force, as soon as may be."""
    yield Write(_SQL["ask_lanes"], (lanes,))


def save_back_orders(orders: Sequence[tuple[str, BackOrder]]) -> Asking[None]:
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
    yield Write(_SQL["save_back_orders"], by_column(rows))


def add_decisions(decisions: Sequence[tuple[str, Decision]]) -> Asking[None]:
    """Keep why it was decided so."""
    rows: list[tuple[Any, ...]] = [
        (d.back_order_id, d.version, lane, d.at, d.kind, d.rule, d.rank, _encode(d.detail)) for lane, d in decisions
    ]
    yield Write(_SQL["add_decisions"], by_column(rows))


def add_journal(at: datetime, entry: bytes) -> Asking[None]:
    """Keep what a batch decided about."""
    yield Write(_SQL["add_journal"], ([at], [entry]))


def note_answered(contents: Mapping[str, bytes]) -> Asking[None]:
    """Remember that commands were answered: by `ce_id`, what they asked."""
    yield Write(_SQL["note_answered"], by_column(contents.items()))


async def open_by_band(conn: Conn, shards: Sequence[int]) -> list[tuple[str | None, int, datetime]]:
    """How many back orders are open in each band, and since when the oldest is."""
    return [tuple(row) for row in await conn.fetch(_SQL["open_by_band"].text, list(shards))]
