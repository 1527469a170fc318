"""The queue and the ledger agree about every unit, however late their messages reach each other."""

from collections import deque
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from router_desk import SECOND, Desk, policy
from router_ledger import Ledger

from priority_router.domain.draft import Draft
from priority_router.domain.lane_facts import NeedReported


class World:
    def __init__(self, seed, strategies, *, losses, rogue, portions=False):
        self.random = Random(seed)
        self.desk = Desk(policy(strategies), check=False)
        self.ledger = Ledger()
        self.down, self.up, self.shipping = deque(), deque(), deque()
        self.losses, self.rogue, self.portions = losses, rogue, portions
        self.placed = 0
        self.warehouse = 0  # what lies there before its records say so

    def collect(self):
        self.down.extend(self.ledger.out)
        self.ledger.out.clear()

    def tell_queue(self, act):
        before = len(self.desk.reports)
        act()
        self.up.extend(self.desk.reports[before:])

    def act(self):
        draw = self.random
        orders = list(self.ledger.lines)
        choice = draw.choice(["line", "line", "cancel", "stock", "stock", "lose", "command", "ring", "ship", "ship"])
        if choice == "line":
            self.placed += 1
            detail = {
                "service_impact": draw.choice(["down", "degraded", "none"]),
                "ship_policy": draw.choice(["available", "available", "complete"]),
            }
            self.ledger.placed(f"O{self.placed}", draw.randint(1, 9), detail)
        elif choice == "cancel" and orders and self.rogue:
            self.ledger.cancelled(draw.choice(orders), draw.randint(1, 9))
        elif choice == "stock":
            self.ledger.stock(draw.randint(1, 12))
        elif choice == "lose" and self.losses and self.ledger.on_hand > 0:
            self.ledger.stock(-draw.randint(1, min(5, self.ledger.on_hand)))
        elif choice == "command" and orders:
            action = draw.choice(["hold", "resume", "resume", "expedite", "release", "cancel"])
            if action == "cancel" and not self.rogue:
                return
            self.tell_queue(
                lambda: self.desk.command(action, draw.choice(orders), band="b0", quantity=draw.choice([None, 1]))
            )
        elif choice == "ring":
            self.tell_queue(lambda: self.desk.wait(draw.randint(0, 3) * SECOND))
        elif choice == "ship":
            self.ship(orders)

    def ship(self, orders):
        """The warehouse ships what is covered or released; a rogue one anything, even what is cancelled."""
        draw = self.random
        can = {order: line["covered"] for order, line in self.ledger.lines.items()}
        for line in self.desk.queue.orders.values():
            can[line.line.order_id] = can.get(line.line.order_id, 0) + line.released
        pending = [m for m in self.down if type(m).__name__ == "BackOrderShipped"]
        for message in pending:
            can[message.ref.order_id] -= message.units
        able = [(order, units) for order, units in can.items() if units > 0]
        if self.rogue and orders and draw.random() < 0.2:
            able = [(draw.choice(orders), draw.randint(1, 3))]
        if able:
            order, most = draw.choice(able)
            units = min(draw.randint(1, most), self.ledger.on_hand)
            if units > 0:
                self.ledger.stock(-units, (order, units))

    def deliver(self):
        channel = self.random.choice([self.down, self.up])
        channel = channel or self.down or self.up
        if not channel:
            return False
        message = channel.popleft()
        if channel is self.up:
            self.ledger.heard(message)
        else:
            self.tell_queue(lambda: self.desk.do(message))
        return True

    def run(self, steps):
        for _ in range(steps):
            if self.random.random() < 0.5:
                self.act()
            else:
                self.deliver()
            self.collect()
            self.at_any_moment()
        for _ in range(20):
            while self.deliver():
                self.collect()
                self.at_any_moment()
            self.tell_queue(lambda: self.desk.wait(5 * SECOND))
            if not (self.up or self.down):
                break
        self.at_rest()

    def at_any_moment(self):
        ledger, queue = self.ledger, self.desk.queue
        assert not (ledger.needed > 0 and ledger.free > 0)
        assert queue.idle <= 0 or self.portions
        if not self.losses and not self.rogue:
            assert ledger.free >= 0
            assert queue.idle >= 0

    def at_rest(self):
        ledger, queue = self.ledger, self.desk.queue
        lines = list(queue.orders.values())
        held = sum(line.allocated + line.released for line in lines)
        assert ledger.handed == queue.idle + held
        assert ledger.needed + ledger.handed == sum(line.counted for line in lines)
        for line in lines:
            other = ledger.lines[line.line.order_id]
            assert (other["need"], other["counted"]) == (line.need, line.counted)
            assert line.counted == line.want
        waiting = sum(line.waiting for line in lines if not line.held)
        assert not (waiting > 0 and (queue.idle > 0 or ledger.free > 0))
        assert queue.idle < 0 or ledger.covered + held <= max(ledger.on_hand, 0)


STRATEGIES = st.sampled_from(["wgf", "fff", "gwf", "ffw", "wff", "ggg"])


@settings(max_examples=120, deadline=None)
@given(st.integers(0, 10**9), STRATEGIES)
def test_without_losses_nothing_is_ever_oversold_nor_owed(seed, strategies):
    World(seed, strategies, losses=False, rogue=False).run(250)


@settings(max_examples=120, deadline=None)
@given(st.integers(0, 10**9), STRATEGIES)
def test_lost_stock_leaves_the_books_in_agreement(seed, strategies):
    World(seed, strategies, losses=True, rogue=False).run(250)


@settings(max_examples=120, deadline=None)
@given(st.integers(0, 10**9), STRATEGIES)
def test_a_warehouse_that_ships_what_it_should_not_leaves_the_books_in_agreement(seed, strategies):
    World(seed, strategies, losses=True, rogue=True).run(250)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**9), STRATEGIES)
def test_the_books_agree_when_units_are_handed_out_in_portions(seed, strategies):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Draft, "at_once", 2)
        World(seed, strategies, losses=True, rogue=True, portions=True).run(250)


def test_reports_reach_the_ledger_in_the_shape_it_reads():
    world = World(1, "wgf", losses=True, rogue=True)
    world.run(250)
    assert all(isinstance(report, NeedReported) for report in world.desk.reports)
    assert any(report.returned for report in world.desk.reports)
    assert any(report.answers for report in world.desk.reports)
