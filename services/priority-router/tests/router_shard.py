"""The router of one shard over a real database, in tests: say what comes in a batch, read what is said."""

from datetime import UTC, datetime
from itertools import count

import msgspec

from backorder_contracts.identity import back_order_id
from backorder_contracts.internal import (
    BackOrderShipped,
    CancelAsked,
    Cause,
    CommandEntry,
    LineDetail,
    LineRef,
    Origin,
    Shortage,
    UnitsHanded,
)
from backorder_runtime import store
from backorder_runtime.asking import together
from backorder_runtime.handler import Arrived
from backorder_runtime.record import SetTimer
from priority_router.domain.order import BackOrder
from priority_router.handlers import Router
from priority_router.policies import Policies

PART, PLACE = "P", "W1"
LANE = f"{PART}@{PLACE}"
_offsets = count(1)
_order = msgspec.msgpack.Decoder(BackOrder)


async def _nothing(_moment):
    pass


class Queue:
    """What comes is meant for the lane of these tests, unless it says for which one it `Arrived`."""

    def __init__(self, conn, cached_lanes=1_000):
        self.conn = conn
        self.cached_lanes = cached_lanes
        self.policies = Policies()
        self.policies.known.set()
        self.claim()

    def claim(self):
        """Have nothing in memory, as after a claim."""
        self.handler = Router(self.policies, self.cached_lanes)

    async def take(self, *events, passing=_nothing):
        """All this comes in one batch; returns what is said. `passing` is called as the batch gets on."""
        arrived = [event if isinstance(event, Arrived) else at(LANE, event) for event in events]
        effects, now = [], datetime.now(UTC)
        async with self.conn.transaction():
            await together(self.conn, {0: self.handler.load(arrived)})
            await passing("loaded")
            for item in arrived:
                for each in self.handler.spread(item, None):
                    effects += self.handler.evolve(each, self.handler.decide(each, now), now)
            await passing("decided")
            await together(self.conn, {0: self.handler.save()})
            await store.set_timers(self.conn, {0: [each for each in effects if isinstance(each, SetTimer)]})
            await passing("saved")
        return effects

    async def ring(self, passing=_nothing):
        """All timers ring that are due; whether there were any. Those of a batch are set again if it fails."""
        async with self.conn.transaction():
            due = (await store.take_timers(self.conn, [0], datetime.now(UTC))).get(0, [])
            await self.take(*map(self.handler.on_timer, due), passing=passing)
        return bool(due)

    async def come_to_rest(self):
        """Timers ring until none is due."""
        while await self.ring():
            pass

    async def rows(self, table, where="true"):
        return await self.conn.fetchval(f"SELECT count(*) FROM {table} WHERE {where}")  # noqa: S608

    async def order(self, name):
        """A back order as it is stored."""
        state = await self.conn.fetchval("SELECT state FROM back_order WHERE back_order_id = $1", key_of(name))
        return _order.decode(state)


def at(lane, event):
    """An event that comes to this lane."""
    return Arrived(lane, event, Origin("back-order-queue", 0, next(_offsets)))


def cause(name):
    return Cause("order.placed", name)


def key_of(order, place=PLACE):
    return back_order_id(order, "1", PART, place)


def short(order, units=2, *, covered=0, first=True, place=PLACE):
    line = LineDetail(order, "1", PART, place, units + covered, datetime.now(UTC), "C-1")
    return Shortage(key_of(order, place), line, units, covered, first, datetime.now(UTC), cause(order))


def shipped(order, units=2):
    return BackOrderShipped(key_of(order), LineRef(order, "1"), units, units, cause(order))


def cancelled(order, units):
    return CancelAsked(key_of(order), LineRef(order, "1"), units, cause(f"cancelled {order}"))


def command(name, order, action="hold", **more):
    origin = Origin("back-order-command", 0, 1)
    return CommandEntry(name, key_of(order), PART, PLACE, action, "U", cause(name), origin, **more)


def units(number):
    return UnitsHanded(PART, PLACE, number, cause("stock"))
