"""A queue and its oracle, told the same and compared after every input; and what must hold of any queue."""

from router_desk import HOUR, SECOND, START, Desk, policy
from router_oracle import Oracle
from router_oracle_line import in_line, last_of

from backorder_contracts.internal import LineRef
from priority_router.domain.events import TimerRang
from priority_router.domain.lane_facts import NeedReported


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
                "forecast": lambda: self.oracle.forecast_ring(self.now),
                "settle": lambda: None,
                "overdue": lambda: None,
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
            assert (line.place, line.away) == (x["place"], x["away"]), order
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


def at_rest(pair):
    oracle = pair.oracle
    wanting, lenders = oracle.lenders()
    assert {x["order"] for x in wanting if x["lending"]} == set(lenders)
    line = in_line(oracle)
    for x in oracle.takers(lending=False):
        assert not oracle.moved(x["promise"], oracle.dates(last_of(x, line), oracle.looked_at or pair.now))
    assert not (oracle.idle > 0 and wanting)
    before = [(x["alloc"], x["rel"]) for x in oracle.lines.values()]
    oracle.settle()
    assert before == [(x["alloc"], x["rel"]) for x in oracle.lines.values()]  # a settled queue stays as it is


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
    for name in ("ranks", "slots", "kept", "p50", "p90"):
        own, sums = (
            [each for b in ladder.blocks for each in getattr(b, name)] for ladder in (queue.ladder, fresh.ladder)
        )
        assert own == sums, name
    assert [line.back_order_id for b in queue.ladder.blocks for line in b.lines] == [
        line.back_order_id for b in fresh.ladder.blocks for line in b.lines
    ]


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
