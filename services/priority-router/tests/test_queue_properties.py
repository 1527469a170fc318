"""The queue does what a slow, obviously right one does, whatever happens in whatever order."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from router_desk import SECOND, Desk, policy
from router_pair import Pair, at_rest, check_indexes, comes_to_rest

from priority_router.domain import facts as f
from priority_router.domain.draft import Draft
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


@settings(max_examples=400)
@given(RULES, st.lists(STEPS, max_size=40))
def test_the_queue_agrees_with_the_oracle(rules, steps):
    pair = Pair(*rules)
    for step in steps:
        pair.step(step)
    # and comes to rest: nothing that matters was forgotten
    pair.wait(9 * SECOND)
    while "forecast" in pair.queue.timers:  # a delivery became overdue just now
        pair.wait(SECOND)
    assert "forecast" not in pair.queue.timers
    at_rest(pair)


@settings(max_examples=150)
@given(RULES, st.lists(STEPS, max_size=25))
def test_decide_changes_nothing_and_the_indexes_say_what_the_lines_say(rules, steps):
    pair = Pair(*rules)
    pair.check = True
    for step in steps:
        pair.step(step)
        check_indexes(pair.queue)


@settings(max_examples=150)
@given(RULES, st.lists(STEPS, max_size=30))
def test_nothing_that_is_released_is_ever_taken_back(rules, steps):
    pair = Pair(*rules)
    for step in steps:
        held = {key: line.released + line.shipped for key, line in pair.queue.orders.items()}
        pair.step(step)
        for key, units in held.items():
            line = pair.queue.orders[key]
            assert line.released + line.shipped >= units


@settings(max_examples=150)
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


@settings(max_examples=150)
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


@settings(max_examples=200)
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
