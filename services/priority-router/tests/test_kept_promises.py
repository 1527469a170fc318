"""How often others may make a promise worse, and what keeps it from then on."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from router_desk import SECOND, Desk, policy, promises
from router_pair import Pair, at_rest, check_indexes

from priority_router.domain import facts as f
from priority_router.domain.draft import Draft
from priority_router.domain.turns import Turns


def overtaken():
    """F is promised PO-1, was overtaken by one machine that is down, and is promised PO-2 now."""
    desk = Desk()
    desk.short("F", 2, placed=1)
    desk.inbound(("PO-1", 2, 30), ("PO-2", 2, 60), ("PO-3", 9, 90))
    desk.settle_promises()
    desk.short("W1", 2, service_impact="down")
    desk.settle_promises()
    assert promises(desk) == {"F": 60, "W1": 30}
    assert desk.line("F").worsened == 1
    return desk


def test_a_promise_that_was_made_worse_once_keeps_its_date_whoever_comes():
    desk = overtaken()
    for i in range(3):
        desk.short(f"X{i}", 2, service_impact="down", placed=i)
        desk.settle_promises()
    assert promises(desk) == {"F": 60, "W1": 30, "X0": 90, "X1": 90, "X2": 90}
    assert desk.line("F").worsened == 1


def test_the_units_that_a_protected_promise_rests_on_are_kept_for_it_and_those_before_are_not():
    desk = overtaken()
    desk.short("X", 2, service_impact="down", placed=5)
    desk.units(2)  # PO-1
    assert (desk.line("W1").allocated, desk.line("F").allocated) == (2, 0)
    desk.units(2)  # PO-2: by rank it would go to X
    said = desk.one(f.Allocated)
    assert (said.back_order_id, said.rule) == (desk.id("F"), "promise-kept")
    assert said.passed_over == (f.PassedOver(desk.id("X"), "promise-kept"),)


def test_a_better_rank_is_served_first_for_as_long_as_the_promise_can_still_be_kept():
    desk = overtaken()
    desk.short("X", 3, service_impact="down", placed=5)
    desk.units(3)
    assert [desk.line(order).allocated for order in ("W1", "X", "F")] == [2, 0, 1]
    desk.units(2)
    assert [desk.line(order).allocated for order in ("W1", "X", "F")] == [2, 1, 2]


def test_a_supplier_who_is_late_moves_a_protected_promise_and_nobody_is_blamed():
    desk = overtaken()
    desk.short("X", 2, service_impact="down", placed=5)
    desk.settle_promises()
    desk.inbound(("PO-1", 2, 30), ("PO-2", 2, 80), ("PO-3", 9, 90))
    desk.settle_promises()
    assert promises(desk)["F"] == 80
    assert (desk.line("F").worsened, desk.line("F").revisions) == (1, 2)


def test_a_protected_promise_within_the_tolerance_stays_as_it_was_published():
    desk = overtaken()
    desk.short("X", 2, service_impact="down", placed=5)
    desk.settle_promises()
    desk.inbound(("PO-1", 2, 30), ("PO-2", 2, 61), ("PO-3", 9, 90))
    desk.settle_promises()
    assert desk.kinds() == []
    assert promises(desk)["F"] == 60


def test_a_protected_promise_is_made_better_when_it_can_be():
    desk = overtaken()
    desk.cancel("W1", 2)
    desk.settle_promises()
    assert promises(desk) == {"F": 30}
    desk.short("X", 2, service_impact="down", placed=5)
    desk.settle_promises()
    assert promises(desk) == {"F": 30, "X": 60}


def test_what_a_line_needs_more_than_it_was_promised_is_not_protected():
    desk = overtaken()
    desk.short("F", 3, first=False, quantity=9)
    desk.settle_promises()
    assert promises(desk)["F"] == 90
    assert desk.line("F").worsened == 1
    desk.short("X", 7, service_impact="down", placed=5)
    desk.settle_promises()
    assert promises(desk) == {"W1": 30, "F": 90, "X": None}


def test_a_complete_line_does_not_wait_for_units_that_a_protected_promise_rests_on():
    desk = overtaken()
    desk.short("C", 11, service_impact="down", ship_policy="complete", placed=7)
    desk.settle_promises()
    assert desk.line("C").lending, "13 units come, 2 are W1's and 2 are F's"
    assert promises(desk)["F"] == 60


def test_lost_stock_is_nobodys_overtaking():
    desk = Desk(policy(manual=("b2",)))
    desk.short("A", 2, placed=1)
    desk.short("B", 2, placed=2)
    desk.units(2)
    desk.inbound(("PO-1", 2, 30), ("PO-2", 2, 90))
    desk.settle_promises()
    assert promises(desk)["B"] == 30
    desk.units(-2)
    desk.settle_promises()
    assert promises(desk) == {"A": 30, "B": 90}
    assert desk.line("B").worsened == 0


def test_another_policy_decides_anew_who_is_protected():
    desk = overtaken()
    desk.policy(policy("wgf", version="2", max_worsened=2))
    desk.wait(5 * SECOND)
    check_indexes(desk.queue)
    desk.short("X", 2, service_impact="down", placed=5)
    desk.settle_promises()
    assert promises(desk)["F"] == 90
    assert desk.line("F").worsened == 2


def test_lines_that_push_each_other_over_the_place_that_they_share_are_found_in_one_look():
    lines = 200
    desk = Desk(policy("wf"), check=False)
    desk.inbound(("PO-1", 2 * lines, 30))
    desk.short("BIG", lines - 2, service_impact="down")
    for i in reversed(range(lines)):  # each before the others, and after BIG
        desk.short(f"A{i:03}", 1, placed=i)
        desk.settle_promises()
    desk.cancel("BIG", lines - 2)
    desk.policy(policy("wf", version="2", max_worsened=0))
    desk.settle_promises()
    assert {line.place for line in desk.queue.orders.values() if not line.closed} == {lines - 1}

    looks = []
    late = Turns._late
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Turns, "_late", lambda self: looks.append(self) or late(self))
        turns = Draft(desk.queue, desk.now, desk.cause()).turns()
    assert len(turns.turns) == lines, "taking out the last one serves the one before it too late, and so on"
    assert len(looks) <= 5


@pytest.mark.parametrize("worsened", [0, 1, 2])
def test_the_number_in_the_policy_is_how_often(worsened):
    desk = Desk(policy("wgf", max_worsened=worsened))
    desk.short("F", 1, placed=1)
    desk.inbound(*((f"PO-{i}", 1, 30 * i) for i in range(1, 9)))
    desk.settle_promises()
    for i in range(6):
        desk.short(f"W{i}", 1, service_impact="down", placed=i)
        desk.settle_promises()
    assert desk.line("F").worsened == worsened
    assert promises(desk)["F"] == 30 * (worsened + 1)


# ── whatever happens ──


class Storm(Pair):
    """A lane on which promises are made, better ranks come, units come and are lost, and deliveries move."""

    def __init__(self, seed):
        draw = self.draw = Random(seed)
        self.most = draw.choice([0, 0, 1, 1, 2])
        super().__init__(draw.choice(["wf", "wgf", "ff", "gwf", "wff", "w", "fw"]), self.most)

    def go(self, steps):
        for _ in range(steps):
            self.step(self.next())
            self.after_every_step()
        self.wait(9 * SECOND)
        while "forecast" in self.queue.timers:  # a delivery became overdue just now
            self.wait(SECOND)
        at_rest(self)
        check_indexes(self.queue)

    def after_every_step(self):
        for line in self.queue.orders.values():
            assert line.worsened <= self.most

    def next(self):
        draw = self.draw
        order = draw.choice("ABCDEFGHIJKLMNOP")
        impact = draw.choice(["down", "degraded", "none", "none"])
        ship = draw.choice(["available"] * 4 + ["complete"])
        inbound = [(f"P{i}", draw.randint(1, 12), draw.randint(10, 99), draw.choice([0, 0, 9])) for i in range(4)]
        action = draw.choice(["hold", "resume", "expedite", "cancel", "release", "reroute"])
        steps = {
            ("short", order, draw.randint(1, 6), impact, ship, draw.randint(0, 3)): 5,
            ("inbound", tuple(draw.sample(inbound, draw.randint(1, 4)))): 2,
            ("units", draw.choice([1, 2, 3, 4, 5, -1, -2]), draw.randint(0, 3)): 3,
            ("command", action, order, draw.randint(0, 2), draw.choice([None, 1, 2])): 1,
            ("ship", order, draw.randint(1, 4), draw.choice([None, None, 0, 2])): 1,
            ("cancel", order, draw.randint(1, 3)): 1,
            ("wait", draw.choice([2, 3])): 4,
            ("wait", 7 * 3600): 1,
        }
        return draw.choices(list(steps), list(steps.values()))[0]


@pytest.fixture(autouse=True, scope="module")
def tiny_blocks():
    """Blocks of one or two lines, so that a few lines show what thousands would."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("priority_router.domain.ladder.BLOCK", 1)
        yield


@settings(max_examples=200)
@given(st.integers(0, 10**9))
def test_others_make_a_promise_worse_only_as_often_as_the_policy_allows(seed):
    Storm(seed).go(50)


class Steady(Storm):
    """Looks at each decision by itself."""

    def do(self, event):
        facts = super().do(event)
        moves = [fact for fact in facts if isinstance(fact, f.Allocated | f.Revoked)]
        for key in {fact.back_order_id for fact in moves}:
            mine = [isinstance(fact, f.Allocated) for fact in moves if fact.back_order_id == key]
            given_back = mine.index(False) if False in mine else len(mine)
            again = mine.index(True, given_back) if True in mine[given_back:] else len(mine)
            assert False not in mine[again:], "a line lost units, got some, and lost them again"
        for fact in moves:
            if isinstance(fact, f.Revoked) and fact.rule in {"win", "lent"}:
                assert fact.taken_for in self.queue.orders
                assert fact.taken_for != fact.back_order_id
        return facts


@settings(max_examples=100)
@given(st.integers(0, 10**9))
def test_no_unit_is_taken_twice_from_one_line_in_one_settling_and_the_taker_is_named(seed):
    Steady(seed).go(40)


def test_a_storm_takes_lines_out_of_their_rank():
    """The tests above would see nothing if it never happened."""
    kept = 0
    for seed in range(30):
        storm = Counting(seed)
        storm.go(50)
        kept += storm.kept
    assert kept > 20


class Counting(Storm):
    kept = 0

    def do(self, event):
        facts = super().do(event)
        self.kept += sum(isinstance(fact, f.Allocated) and fact.rule == "promise-kept" for fact in facts)
        return facts
