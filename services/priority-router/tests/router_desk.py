"""Drives the queue of one lane in tests: say what happens, read what follows."""

from copy import deepcopy
from datetime import UTC, datetime, timedelta

from backorder_contracts.identity import back_order_id
from backorder_contracts.internal import (
    BackOrderShipped,
    CancelAsked,
    CancelRefused,
    Cause,
    CommandEntry,
    LineDetail,
    LineRef,
    Lot,
    Origin,
    Shortage,
    UnitsHanded,
)
from priority_router.domain.decide import decide
from priority_router.domain.events import Inbound, InboundSeen, PolicyTaken, TimerRang
from priority_router.domain.evolve import evolve
from priority_router.domain.lane_facts import NeedReported
from priority_router.domain.model import LaneQueue
from priority_router.domain.policy import Band, Policy, Strategy

START = datetime(2026, 11, 24, 7, tzinfo=UTC)
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
ORIGIN = Origin("back-order-command", 0, 0)
IMPACTS = {"down": 0, "degraded": 1}


def policy(strategies="wgf", *, version="1", manual=(), **changes):
    """Bands b0, b1, b2… with these strategies; service impact down is b0, degraded b1, the rest the last."""
    word = {"w": Strategy.WIN, "g": Strategy.GAIN, "f": Strategy.FILL}
    bands = tuple(
        Band(f"b{i}", (i + 1) * 24 * HOUR, word[c], manual=f"b{i}" in manual) for i, c in enumerate(strategies)
    )
    last = len(bands) - 1
    return Policy(version, bands, lambda facts: min(IMPACTS.get(facts["service_impact"], last), last), **changes)


class Desk:
    def __init__(self, rules=None, *, check=True):
        self.queue = LaneQueue("BRK-204", "W1", rules or policy())
        self.now = START
        self.inputs = 0
        self.facts = ()
        self.reports = []
        self.check = check

    def id(self, order):
        return back_order_id(order, "1", "BRK-204", "W1")

    def line(self, order):
        return self.queue.orders[self.id(order)]

    def do(self, event):
        """Decide and write; when checking, see that deciding changed nothing and gives the same again."""
        before = snapshot(self.queue) if self.check else None
        self.facts = decide(self.queue, event, self.now)
        if self.check:
            assert snapshot(self.queue) == before, "decide changed the queue"
        for fact in self.facts:
            evolve(self.queue, fact)
        self.reports += self.all(NeedReported)
        return self.facts

    def all(self, kind):
        return [fact for fact in self.facts if isinstance(fact, kind)]

    def one(self, kind):
        (fact,) = self.all(kind)
        return fact

    def one_of(self, order, kind):
        (fact,) = [fact for fact in self.all(kind) if fact.back_order_id == self.id(order)]
        return fact

    def kinds(self):
        """Names of the published facts, in order."""
        return [type(fact).__name__ for fact in self.facts if getattr(fact, "ce_type", None)]

    def cause(self):
        self.inputs += 1
        return Cause("test", str(self.inputs))

    def short(self, order, units, *, first=True, covered=0, placed=0, **detail):
        fields = {"placed_at": START - HOUR + placed * SECOND, "customer_id": "C-1"} | detail
        line = LineDetail(order, "1", "BRK-204", "W1", fields.pop("quantity", units + covered), **fields)
        return self.do(Shortage(self.id(order), line, units, covered, first, self.now, self.cause()))

    def units(self, n, *lots):
        return self.do(UnitsHanded("BRK-204", "W1", n, self.cause(), tuple(Lot(*lot) for lot in lots)))

    def shipped(self, order, units, counted):
        return self.do(BackOrderShipped(self.id(order), LineRef(order, "1"), units, counted, self.cause()))

    def cancel(self, order, units):
        return self.do(CancelAsked(self.id(order), LineRef(order, "1"), units, self.cause()))

    def cancel_refused(self, order, units):
        return self.do(CancelRefused(self.id(order), LineRef(order, "1"), units, self.cause()))

    def command(self, action, order, **fields):
        places = {"part_id": "BRK-204", "location_id": "W1"} | fields
        return self.do(
            CommandEntry(
                command_id=f"K-{self.inputs}",
                back_order_id=self.id(order),
                action=action,
                requested_by="tests",
                cause=self.cause(),
                origin=ORIGIN,
                **places,
            )
        )

    def inbound(self, *deliveries):
        """Each (delivery_id, units, hours from the start[, hours of the cautious date])."""
        seen = tuple(
            Inbound(name, units, START + p50 * HOUR, START + (rest[0] if rest else p50) * HOUR)
            for name, units, p50, *rest in deliveries
        )
        return self.do(InboundSeen(seen, self.cause()))

    def policy(self, rules):
        return self.do(PolicyTaken(rules, self.cause()))

    def wait(self, span):
        """Let time pass; timers ring when they are due, as the shell lets them. All facts of the rings."""
        facts, until = [], self.now + span
        for _ in range(1000):
            due = sorted((at, key) for key, at in self.queue.timers.items() if at <= until)
            if not due:
                self.now = until
                self.facts = tuple(facts)
                return self.facts
            at, key = due[0]
            self.now = max(self.now, at)
            facts += self.do(TimerRang(key, at))
        raise AssertionError("timers never come to rest")

    def settle_promises(self):
        return self.wait(5 * SECOND)


def quantities(line):
    """Units that wait, are set aside, released, shipped, cancelled."""
    return line.waiting, line.allocated, line.released, line.shipped, line.cancelled


def promises(desk):
    """Hours from the start that each waiting line is promised."""
    return {
        line.line.order_id: line.promise and (line.promise.p50 - START) / HOUR
        for line in desk.queue.orders.values()
        if not line.closed
    }


def snapshot(queue):
    """All that the queue holds, for comparing."""
    return deepcopy(
        (
            queue.idle,
            queue.idle_lots,
            queue.inbound,
            queue.supplied,
            queue.stirred_by,
            queue.unsettled_by,
            queue.timers,
            queue.orders,
            queue.prints,
            [(b.ranks, b.slots) for b in queue.ladder.blocks],
        )
    )
