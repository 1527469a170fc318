"""The same inputs under another policy: who would have got units when."""

from datetime import timedelta

import pytest
from router_desk import HOUR, SECOND, START, Desk, policy

from backorder_contracts.internal import BackOrderShipped, LineDetail, LineRef, Shortage, UnitsHanded
from priority_router.comparison import Comparing
from priority_router.domain.events import Inbound, InboundSeen, TimerRang
from priority_router.replay import Batch, Replay, WhatIf

LANE = "BRK-204@W1"
FIFO = policy("f", version="fifo")


class Day:
    """A day at a desk, recorded batch by batch."""

    def __init__(self, rules):
        self.desk = Desk(rules, check=False)
        self.batches = []
        self.rules = rules

    def do(self, event):
        born = {} if self.batches else {LANE: self.rules.version}
        self.batches.append(Batch(self.desk.now, [(LANE, event)], born, ()))
        self.desk.do(event)

    def wait(self, span):
        """Time goes by; what rings is recorded as the engine would."""
        until = self.desk.now + span
        while due := sorted((at, key) for key, at in self.desk.queue.timers.items() if at <= until):
            self.desk.now = max(self.desk.now, due[0][0])
            self.do(TimerRang(due[0][1], due[0][0]))
        self.desk.now = until

    def short(self, order, units, **detail):
        line = LineDetail(order, "1", "BRK-204", "W1", units, self.desk.now, detail.pop("customer_id", "C-1"), **detail)
        self.do(Shortage(self.desk.id(order), line, units, 0, True, self.desk.now, self.desk.cause()))

    def units(self, n):
        self.do(UnitsHanded("BRK-204", "W1", n, self.desk.cause()))

    def shipped(self, order, units, counted):
        self.do(BackOrderShipped(self.desk.id(order), LineRef(order, "1"), units, counted, self.desk.cause()))

    def replayed(self):
        replay = Replay({self.rules.version: self.rules})
        for batch in self.batches:
            replay.run(batch)
        return replay

    def under(self, rules, since=START):
        """Real and supposed queue at the end, and the comparison."""
        real, then = Replay({self.rules.version: self.rules}), None
        for batch in self.batches:
            if then is None and batch.now >= since:
                then = WhatIf(real, rules, since)
            real.run(batch)
            if then:
                then.run(batch)
        then.advance(self.desk.now)
        comparing = Comparing(since)
        comparing.add(real.queues[LANE].orders, then.queues[LANE].orders, self.desk.now)
        return real.queues[LANE], then.queues[LANE], comparing.result(self.desk.now)


@pytest.fixture
def day():
    """A machine is down two hours after an order that could wait; one unit comes, and a day later another."""
    found = Day(policy("wgf", version="bands"))
    found.short("EASY", 1, customer_id="C-EASY")
    found.wait(2 * HOUR)
    found.short("DOWN", 1, customer_id="C-DOWN", service_impact="down")
    found.units(1)
    found.wait(25 * HOUR)
    found.shipped("DOWN", 1, 1)
    found.units(1)
    found.wait(60 * SECOND)
    return found


def test_a_replay_under_the_same_policy_is_the_same_to_the_last_field(day):
    real = day.replayed().queues[LANE]
    assert real.orders == day.desk.queue.orders
    assert (real.idle, real.timers, real.inbound) == (
        day.desk.queue.idle,
        day.desk.queue.timers,
        day.desk.queue.inbound,
    )


def test_what_if_under_the_same_rules_changes_nothing(day):
    _, _, found = day.under(day.rules)
    assert (found.total.lines, found.total.earlier, found.total.later) == (2, 0, 0)
    assert (found.total.breaches_avoided, found.total.breaches_caused) == (0, 0)


def test_another_policy_gives_the_units_to_others_and_the_difference_is_told(day):
    _, then, found = day.under(FIFO)
    assert then.orders[day.desk.id("EASY")].whole_at == START + 2 * HOUR
    assert (found.total.earlier, found.total.later) == (1, 1)
    assert (found.total.breaches_avoided, found.total.breaches_caused) == (0, 1)
    assert found.customers["C-DOWN"].breaches_caused == 1
    assert found.customers["C-EASY"].seconds_earlier == timedelta(hours=25).total_seconds()
    assert (found.later[0].band, found.later[0].band_then) == ("b0", "b0")
    assert found.bands["b0"].later == found.bands["b2"].earlier == 1


def test_breaches_that_the_other_policy_avoids_are_counted():
    day = Day(FIFO)
    day.short("EASY", 1, customer_id="C-EASY", need_by=START + 20 * HOUR)
    day.wait(2 * HOUR)
    day.short("DOWN", 1, customer_id="C-DOWN", service_impact="down")
    day.units(1)
    day.wait(25 * HOUR)
    day.shipped("EASY", 1, 1)
    day.units(1)
    day.wait(60 * SECOND)
    _, then, found = day.under(policy("wgf", version="bands"))
    assert then.orders[day.desk.id("DOWN")].whole_at == START + 2 * HOUR
    assert (found.customers["C-DOWN"].breaches_avoided, found.customers["C-EASY"].breaches_caused) == (1, 1)


def test_what_was_filled_before_is_not_looked_at(day):
    _, _, found = day.under(FIFO, since=START + 20 * HOUR)
    assert found.total.lines == 1
    assert found.total.earlier == found.total.later == 0


def test_a_shipment_of_units_that_the_queue_never_had_still_counts():
    day = Day(policy("wgf", version="bands"))
    day.short("A", 3)
    day.units(1)
    day.wait(10 * SECOND)
    day.shipped("A", 3, 1)
    real, then, _ = day.under(FIFO)
    assert real.orders[day.desk.id("A")].shipped == 3
    line = then.orders[day.desk.id("A")]
    assert (line.shipped, line.need) == (2, 1), "two of them were never the queue's"


def test_the_running_queue_is_not_touched(day):
    before = repr(day.desk.queue.orders)
    day.under(FIFO)
    assert repr(day.desk.queue.orders) == before


def test_promises_and_inbound_take_part(day):
    day.do(InboundSeen((Inbound("PO-1", 5, START + 99 * HOUR, START + 120 * HOUR),), day.desk.cause()))
    day.short("LATE", 2, need_by=START + 50 * HOUR)
    day.wait(10 * SECOND)
    real, then, _ = day.under(FIFO)
    assert real.orders[day.desk.id("LATE")].at_risk
    assert then.orders[day.desk.id("LATE")].at_risk
