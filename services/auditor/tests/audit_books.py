"""Both ledgers in a real database, filled by the code of the services."""

from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import asyncpg
import msgspec

from auditor.settings import AuditSettings
from backorder_contracts.identity import parts_of
from backorder_contracts.internal import Cause, LineDetail, LineRef
from backorder_runtime.asking import together
from gap_detector import repository as gap
from gap_detector.domain.model import Lane, Line
from priority_router import repository as router
from priority_router.domain.order import BackOrder

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
EVER = datetime(1, 1, 1, tzinfo=UTC)
SETTINGS = AuditSettings()


def detail(lane, order_id):
    part, location = parts_of(lane)
    return LineDetail(order_id, "1", part, location, 99, NOW, "C-1")


@dataclass
class Ledgers:
    """Writes as the database's superuser; `reader` is the auditor's own session."""

    admin: asyncpg.Connection
    reader: asyncpg.Connection

    @asynccontextmanager
    async def within(self, schema):
        async with self.admin.transaction():
            await self.admin.execute(f"SET LOCAL search_path = {schema}")
            yield self.admin

    async def lane(self, lane, *, on_hand=0, covered=0, handed=0, needed=0, idle=0, unsettled=None, shard=0):
        known = Lane(*parts_of(lane), on_hand=on_hand, covered=covered, handed=handed, needed=needed)
        async with self.within("gap_detector") as conn:
            await together(conn, {shard: gap.add_lanes(shard, [known])})
        state = router.LaneState(idle, (), (), 0, None, {}, unsettled)
        await self.admin.execute(
            "INSERT INTO priority_router.lane_queue (lane, shard, policy_version, state) VALUES ($1, $2, '1', $3)",
            lane,
            shard,
            msgspec.msgpack.encode(state),
        )

    async def line(self, lane, order_id, *, shard=0, **numbers):
        known, ref = Lane(*parts_of(lane)), LineRef(order_id, "1")
        known.lines[ref] = Line(detail=detail(lane, order_id), number=1, **numbers)
        async with self.within("gap_detector") as conn:
            await together(conn, {shard: gap.add_lines(shard, [(known, ref, known.lines[ref])])})

    async def back_order(self, lane, order_id, *, shard=0, **numbers):
        order = BackOrder(f"BO-{order_id}", detail(lane, order_id), NOW, due_at=NOW, **numbers)
        async with self.within("priority_router") as conn:
            await together(conn, {shard: router.save_back_orders([(lane, order)])})

    async def waiting(self, lane, *, shard=0):
        """A lane in order: one back order holds 2 of its 5 units, another line is covered."""
        await self.lane(lane, on_hand=3, covered=1, handed=2, needed=3, shard=shard)
        await self.line(lane, f"{lane}-covered", covered=1, shard=shard)
        await self.line(lane, f"{lane}-short", need=5, counted=5, shard=shard)
        await self.back_order(lane, f"{lane}-short", back_ordered=5, allocated=2, counted=5, shard=shard)

    @staticmethod
    def cause():
        return Cause("policy", "1")
