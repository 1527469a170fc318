"""The queue does what a slow, obviously right one does, whatever happens in whatever order."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from router_desk import HOUR, SECOND, START, Desk, policy
from router_oracle import Oracle

from backorder_contracts.internal import LineRef
from priority_router.domain import facts as f
from priority_router.domain.draft import Draft
from priority_router.domain.events import TimerRang
from priority_router.domain.lane_facts import NeedReported

ORDERS = st.sampled_from("ABCDEFGHIJ")
UNITS = st.integers(1, 6)
IMPACTS = st.sampled_from(["down", "degraded", "none"])
SHIP = st.sampled_from(["available", "complete"])
DELIVERIES = st.lists(
    st.tuples(st.sampled_from(["P1", "P2", "P3"]), st.integers(0, 8), st.integers(0, 99), st.integers(0, 40)),
    max_size=4,
    unique_by=lambda d: d[0],
)
STEPS = st.one_of(
    st.tuples(st.just("short"), ORDERS, UNITS, IMPACTS, SHIP, st.integers(0, 3)),
    st.tuples(st.just("units"), st.integers(-5, 9), st.integers(0, 9)),
    st.tuples(st.just("ship"), ORDERS, UNITS, st.one_of(st.none(), st.integers(0, 3))),
    st.tuples(st.just("cancel"), ORDERS, UNITS),
    st.tuples(
        st.just("command"),
        st.sampled_from(["hold", "resume", "expedite", "cancel", "release", "reroute"]),
        ORDERS,
        st.integers(0, 2),
        st.one_of(st.none(), UNITS),
    ),
    st.tuples(st.just("inbound"), DELIVERIES),
    st.tuples(st.just("wait"), st.integers(0, 3)),
)
STRATEGIES = st.one_of(st.sampled_from(["wf", "wgf", "wff"]), st.text("wgf", min_size=1, max_size=3))
RULES = st.tuples(STRATEGIES, st.integers(0, 2))


@pytest.fixture(autouse=True, scope="module")
def tiny_blocks():
    """Blocks of one or two lines, so that a few lines show what thousands would."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("priority_router.domain.ladder.BLOCK", 1)
        yield


class Pair(Desk):
    """A queue and its oracle, told the same and compared after every input."""

    def __init__(self, strategies, max_worsened):
        super().__init__(policy(strategies, max_worsened=max_worsened), check=False)
        self.oracle = Oracle(strategies, max_worsened)
        self.strategies = strategies

    def band(self, impact):
        return min({"down": 0, "degraded": 1}.get(impact, 9), len(self.strategies) - 1)

    def do(self, event):
        versions = {key: line.version for key, line in self.queue.orders.items()}
        super().do(event)
        if isinstance(event, TimerRang):
            ring = {
                "release": lambda: self.oracle.release_ring(self.now),
                "due": lambda: self.oracle.due_ring(self.now),
                "forecast": self.oracle.forecast_ring,
                "settle": lambda: None,
            }
            ring[event.key]()
            self.compare()
        self.check_versions(versions)
        return self.facts

    def check_versions(self, before):
        """Every published fact is one version, and no other fact is."""
        said = [fact.back_order_id for fact in self.facts if getattr(fact, "ce_type", None)]
        for key, line in self.queue.orders.items():
            assert line.version == before.get(key, 1) + said.count(key)

    def compare(self):
        self.oracle.finish(self.now)
        changes, returned, answers = self.oracle.report
        report = self.all(NeedReported)
        assert len(report) == (1 if changes or returned or answers else 0)
        if report:
            assert {c.ref: c.units for c in report[0].changes} == {
                LineRef(order, "1"): n for order, n in changes.items()
            }
            assert report[0].returned == returned
            assert [(a.asked, a.done) for a in report[0].answers] == answers
        assert self.queue.idle == self.oracle.idle
        for order, x in self.oracle.lines.items():
            line = self.line(order)
            mine = (line.need, line.allocated, line.released, line.shipped, line.cancelled, line.counted)
            assert mine == (x["need"], x["alloc"], x["rel"], x["shipped"], x["cancelled"], x["counted"]), order
            assert (line.held, line.lending, line.band) == (x["held"], x["lending"], x["band"]), order
            assert line.closed_as == x["closed"], order
            assert (line.release_at, line.worsened) == (x["release_at"], x["worsened"]), order
            assert (line.promise and (line.promise.p50, line.promise.p90)) == x["promise"], order
            assert line.breached == x["breached"], order
            self.check_line(line)

    def check_line(self, line):
        parts = (line.waiting, line.allocated, line.released, line.shipped, line.cancelled)
        assert min(parts) >= 0
        assert sum(parts) == line.back_ordered
        assert sum(lot.units for lot in line.lots) <= line.allocated + line.released
        assert sum(lot.units for lot in line.shipped_lots) <= line.shipped

    def step(self, step):
        kind, *args = step
        getattr(self, f"_{kind}")(*args)
        if kind != "wait":
            self.compare()

    def _short(self, order, units, impact, ship, placed):
        known = self.oracle.lines.get(order)
        if known is not None:  # a line never changes what it is
            impact, ship, placed = known["impact"], "complete" if known["complete"] else "available", known["at"]
        self.short(
            order, units, first=known is None, service_impact=impact, ship_policy=ship, placed=placed, quantity=9
        )
        at = START - HOUR + placed * SECOND
        band = self.band(impact)
        self.oracle.short(
            order, units, band=band, due=at + (band + 1) * 24 * HOUR, placed=at, complete=ship == "complete"
        )
        self.oracle.lines[order] |= {"impact": impact, "at": placed}

    def _units(self, n, lotted):
        self.units(n, *([("PO", min(n, lotted))] if min(n, lotted) > 0 else []))
        self.oracle.units(n)

    def _ship(self, order, n, counted):
        if order in self.oracle.lines:
            if counted is None:
                counted = min(n, max(self.line(order).counted, 0))
            self.shipped(order, n, counted)
            self.oracle.ship(order, n, counted)
        else:
            self.facts = ()

    def _cancel(self, order, n):
        self.facts = ()
        if order in self.oracle.lines:
            self.cancel(order, n)
            self.oracle.cancel(order, n)

    def _command(self, action, order, band, quantity):
        self.facts = ()
        if order in self.oracle.lines:
            self.command(action, order, band=f"b{band}", quantity=quantity, to_location_id="W2")
            known = band if band < len(self.strategies) else None
            at = self.line(order).line.placed_at
            self.oracle.command(action, order, band=known, due=at + (band + 1) * 24 * HOUR, quantity=quantity)

    def _inbound(self, deliveries):
        self.inbound(*((name, units, p50, p50 + more) for name, units, p50, more in deliveries))
        self.oracle.inbound = [
            (name, units, START + p50 * HOUR, START + (p50 + more) * HOUR)
            for name, units, p50, more in deliveries
            if units
        ]

    def _wait(self, seconds):
        self.wait(seconds * SECOND)


@settings(max_examples=400, deadline=None)
@given(RULES, st.lists(STEPS, max_size=40))
def test_the_queue_agrees_with_the_oracle(rules, steps):
    pair = Pair(*rules)
    for step in steps:
        pair.step(step)
    # and comes to rest: nothing that matters was forgotten
    pair.wait(9 * SECOND)
    assert "forecast" not in pair.queue.timers
    at_rest(pair)


def at_rest(pair):
    oracle = pair.oracle
    wanting, lenders = oracle.lenders()
    assert {x["order"] for x in wanting if x["lending"]} == set(lenders)
    owed, unit = max(-oracle.idle, 0), 0
    for x in oracle.takers(lending=False):
        unit += oracle.waiting(x)
        assert not oracle.moved(x["promise"], oracle.dates(oracle.inbound, unit, owed))
    assert not (oracle.idle > 0 and wanting)
    before = [(x["alloc"], x["rel"]) for x in oracle.lines.values()]
    oracle.settle()
    assert before == [(x["alloc"], x["rel"]) for x in oracle.lines.values()]  # a settled queue stays as it is


@settings(max_examples=150, deadline=None)
@given(RULES, st.lists(STEPS, max_size=25))
def test_decide_changes_nothing_and_the_indexes_say_what_the_lines_say(rules, steps):
    pair = Pair(*rules)
    pair.check = True
    for step in steps:
        pair.step(step)
        check_indexes(pair.queue)


def check_indexes(queue):
    fresh = type(queue)(queue.part_id, queue.location_id, queue.policy)
    fresh.restore(queue.orders.values())
    assert fresh.prints == queue.prints
    assert fresh.stale == queue.stale
    for name in ("holders", "prey", "lenders", "shelved", "releases", "dues"):
        assert list(getattr(fresh, name)) == list(getattr(queue, name)), name
    assert {k: n for k, n in queue.prey_units.items() if n} == fresh.prey_units
    for own, sums in ((queue.ladder.tally, fresh.ladder.tally),):
        assert all(getattr(own, name) == getattr(sums, name) for name in own.__slots__)
    assert [line.back_order_id for b in queue.ladder.blocks for line in b.lines] == [
        line.back_order_id for b in fresh.ladder.blocks for line in b.lines
    ]


@settings(max_examples=150, deadline=None)
@given(RULES, st.lists(STEPS, max_size=30))
def test_nothing_that_is_released_is_ever_taken_back(rules, steps):
    pair = Pair(*rules)
    for step in steps:
        held = {key: line.released + line.shipped for key, line in pair.queue.orders.items()}
        pair.step(step)
        for key, units in held.items():
            line = pair.queue.orders[key]
            assert line.released + line.shipped >= units


@settings(max_examples=150, deadline=None)
@given(RULES, st.lists(STEPS, max_size=30))
def test_units_are_neither_made_nor_lost(rules, steps):
    """What came minus what went back is idle, set aside, released, or was written off when it shipped."""
    pair = Pair(*rules)
    balance = 0
    for step in steps:
        facts = []
        do = pair.do
        pair.do = lambda event, do=do, facts=facts: facts.extend(do(event)) or pair.facts
        pair.step(step)
        pair.do = do
        balance += step[1] if step[0] == "units" else 0
        balance -= sum(fact.returned for fact in facts if isinstance(fact, NeedReported))
        balance -= sum(fact.counted for fact in facts if isinstance(fact, f.Shipped | f.ShippedBesides))
        held = sum(line.allocated + line.released for line in pair.queue.orders.values())
        assert balance == pair.queue.idle + held


@settings(max_examples=150, deadline=None)
@given(st.lists(STEPS, max_size=30), st.sampled_from(["f", "fw", "gwf", "wfff"]), st.integers(2, 9))
def test_another_policy_leads_to_the_ranks_it_would_have_given_from_the_start(steps, strategies, at_once):
    pair = Pair("wgf", 1)
    for step in steps:
        pair.step(step)
    desk = Desk(check=False)
    desk.queue, desk.now = pair.queue, pair.now
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Draft, "at_once", at_once)
        desk.policy(policy(strategies, version="2"))
        check_indexes(desk.queue)
        desk.wait(9 * SECOND)
    check_indexes(desk.queue)
    last = len(strategies) - 1
    for line in desk.queue.orders.values():
        if not line.closed:
            assert line.policy_version == "2"
            if not line.pinned:
                assert line.band == min({"down": 0, "degraded": 1}.get(line.line.service_impact, last), last)
    comes_to_rest(desk)


@settings(max_examples=200, deadline=None)
@given(RULES, st.lists(STEPS, max_size=30), st.integers(1, 3))
def test_what_is_done_in_portions_comes_to_the_same_rest(rules, steps, at_once):
    class Alone(Pair):
        def compare(self):
            """The oracle does everything at once, so only the end is looked at."""

    pair = Alone(*rules)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Draft, "at_once", at_once)
        for step in steps:
            pair.step(step)
            for line in pair.queue.orders.values():
                pair.check_line(line)
        for _ in range(20):
            pair.wait(5 * SECOND)
    check_indexes(pair.queue)
    comes_to_rest(pair)


def comes_to_rest(desk):
    """Nothing lies idle that somebody may have, nobody waits for a timer, and settling finds nothing to do."""
    assert not desk.queue.timers.keys() & {"settle", "forecast", "release"}
    assert desk.queue.unsettled_by is desk.queue.stirred_by is None
    eligible = [x for x in desk.queue.orders.values() if not x.closed and not x.held and x.waiting]
    assert desk.queue.idle <= 0
    assert not (eligible and desk.queue.idle > 0)
    desk.do(TimerRang("settle", desk.now))
    assert desk.kinds() == []
    assert all(line.counted == line.want for line in desk.queue.orders.values())
