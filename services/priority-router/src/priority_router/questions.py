"""What people ask of the queue: read from the tables, at one consistent point, by any process."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import msgspec
from asyncpg import Pool
from msgspec.structs import astuple

from backorder_runtime import queries
from backorder_runtime.database import Conn
from priority_router.decisions import Decision, Detail
from priority_router.domain.order import BackOrder
from priority_router.repository import LaneState

SQL = queries.load("priority_router", "questions.sql")
SHOWN = 200  # decisions of one back order
NEAREST = 3

_lane = msgspec.msgpack.Decoder(LaneState)
_order = msgspec.msgpack.Decoder(BackOrder)
_detail = msgspec.msgpack.Decoder(Detail)


@dataclass(frozen=True, slots=True)
class LanePage:
    """A part of a queue: each back order with how many waiting lines are served before it.

    `lines` lines wait for `units` units in the whole lane; `open` counts the others too.
    """

    lane: str
    policy_version: str
    state: LaneState
    open: int
    lines: int
    units: int
    page: tuple[tuple[BackOrder, int], ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """A back order, and all that tells where it stands: `lines` and `units` wait before it.

    `others` are those that its decisions name, as far as they are known.
    """

    lane: str
    policy_version: str
    policy_text: str | None
    state: LaneState
    order: BackOrder
    lines: int
    units: int
    nearest: tuple[BackOrder, ...]
    decisions: tuple[Decision, ...]
    others: tuple[BackOrder, ...] = ()


@asynccontextmanager
async def _one_point(pool: "Pool[Any]") -> AsyncIterator[Conn]:
    async with pool.acquire() as conn, conn.transaction(isolation="repeatable_read", readonly=True):
        yield conn


async def lane_page(pool: "Pool[Any]", lane: str, offset: int, limit: int) -> LanePage | None:
    """`limit` open back orders of a lane from the `offset`-th on; None when nobody ever waited there."""
    async with _one_point(pool) as conn:
        row = await conn.fetchrow(SQL["lane"], lane)
        if row is None:
            return None
        sums = await conn.fetchrow(SQL["lane_sums"], lane)
        page = await conn.fetch(SQL["lane_page"], lane, offset, limit)
    return LanePage(
        lane,
        row["policy_version"],
        _lane.decode(row["state"]),
        **dict(sums or {}),
        page=tuple((_order.decode(state), ahead) for state, ahead in page),
    )


async def standing(pool: "Pool[Any]", back_order_id: str) -> Standing | None:
    """Where a back order stands; None when it is not known, or no longer."""
    async with _one_point(pool) as conn:
        row = await conn.fetchrow(SQL["back_order"], back_order_id)
        if row is None:
            return None
        lane, order = row["lane"], _order.decode(row["state"])
        queue = await conn.fetchrow(SQL["lane"], lane)
        if queue is None:
            raise LookupError(f"back order {back_order_id} is in lane {lane}, which has no queue")
        lines = units = 0
        nearest: list[Any] = []
        if order.due_at is not None and not order.closed:
            lines, units = await conn.fetchrow(SQL["ahead"], lane, *astuple(order.rank)) or (0, 0)
            nearest = await conn.fetch(SQL["nearest_ahead"], lane, *astuple(order.rank), NEAREST)
        rows = await conn.fetch(SQL["decisions"], back_order_id, SHOWN)
        decisions = tuple(
            Decision(back_order_id, version, at, kind, rule, rank, _detail.decode(detail))
            for version, at, kind, rule, rank, detail in reversed(rows)
        )
        others = await back_orders(conn, _named(decisions) - {back_order_id})
        text = await conn.fetchval(SQL["policy_text"], queue["policy_version"])
    return Standing(
        lane,
        queue["policy_version"],
        text,
        _lane.decode(queue["state"]),
        order,
        lines,
        units,
        tuple(_order.decode(state) for (state,) in reversed(nearest)),
        decisions,
        tuple(others.values()),
    )


async def back_orders(conn: Conn, ids: Iterable[str]) -> dict[str, BackOrder]:
    """Those of these back orders that are known, by their ids."""
    found = [_order.decode(state) for (state,) in await conn.fetch(SQL["back_orders"], sorted(ids))]
    return {order.back_order_id: order for order in found}


def _named(decisions: Iterable[Decision]) -> set[str]:
    """The back orders that decisions name."""
    found: set[str] = set()
    for decision in decisions:
        detail = decision.detail
        found.update(name for name, _, _ in detail.passed_over)
        found.update(line.back_order_id for line in (*detail.ahead, *detail.behind))
        found.update(name for name in (detail.taken_for, detail.taken_from) if name is not None)
    return found


async def lanes_left(pool: "Pool[Any]", version: str) -> tuple[int, int]:
    """How many lanes there are, and how many of them are not wholly ranked by this policy yet."""
    row = await pool.fetchrow(SQL["lanes_left"], version)
    return (row["lanes"], row["lanes_left"]) if row is not None else (0, 0)
