"""The play is the same for the same seed, and has all that the demo promises to show."""

from collections import Counter

import pytest
from demo_desk import play

from backorder_contracts.inputs import parse
from backorder_contracts.refusal import Refused
from backorder_dev.demo import acts
from backorder_dev.demo.plan import make_plan
from backorder_dev.demo.stories import STORIES


@pytest.fixture(scope="module")
def plan():
    return make_plan(seed=1, lines=1_000, seconds=60)


def of_kind(plan, kind):
    return [timed.act for timed in plan.acts if isinstance(timed.act, kind)]


def test_the_same_seed_makes_the_same_play(plan):
    assert make_plan(seed=1, lines=1_000, seconds=60) == plan


def test_another_seed_makes_another_play(plan):
    assert make_plan(seed=2, lines=1_000, seconds=60) != plan


@pytest.mark.parametrize("lines", [50, 1_000, 3_000])
def test_the_play_has_as_many_order_lines_as_asked_for(lines):
    orders = of_kind(make_plan(seed=3, lines=lines, seconds=60), acts.PlaceOrder)
    assert sum(len(order.lines) for order in orders) == lines


def test_acts_come_in_the_order_of_time_and_end_with_the_play(plan):
    times = [timed.at for timed in plan.acts]
    assert times == sorted(times)
    assert times[-1] < 60


def test_every_named_scene_is_played_from_its_first_act_to_its_last(plan):
    for story in STORIES:
        assert [timed.act for timed in plan.acts if timed.story == story.name] == list(story.acts)


def test_scenes_have_their_lanes_to_themselves(plan):
    everyday = {
        (line.part_id, line.location_id)
        for timed in plan.acts
        if timed.story is None and isinstance(timed.act, acts.PlaceOrder)
        for line in timed.act.lines
    }
    stages = Counter(story.lane for story in STORIES)
    assert max(stages.values()) == 1
    assert not {f"{part}@{location}" for part, location in everyday} & stages.keys()


def test_everything_that_the_demo_promises_happens(plan):
    for kind in (
        acts.CancelOrder,
        acts.Damage,
        acts.Revise,
        acts.Receive,
        acts.RepeatOrder,
        acts.RepeatStock,
        acts.Garbage,
    ):
        assert of_kind(plan, kind), kind.__name__
    impacts = {line.service_impact for order in of_kind(plan, acts.PlaceOrder) for line in order.lines}
    policies = {line.ship_policy for order in of_kind(plan, acts.PlaceOrder) for line in order.lines}
    assert impacts == {"down", "degraded", "planned", "none"}
    assert policies == {"available", "complete"}
    assert any(act.other_quantity for act in of_kind(plan, acts.RepeatOrder))


def test_few_parts_are_asked_for_often_and_many_seldom(plan):
    asked = Counter(line.part_id for order in of_kind(plan, acts.PlaceOrder) for line in order.lines)
    often = sum(count for _, count in asked.most_common(24))
    assert often > 0.35 * asked.total()
    assert len(asked) > 150


def test_no_more_of_a_delivery_arrives_than_was_promised(plan):
    promised = {
        act.delivery_id: act.quantity
        for act in (*plan.opening, *of_kind(plan, acts.Announce))
        if isinstance(act, acts.Announce)
    }
    arrived = Counter()
    for act in of_kind(plan, acts.Receive):
        arrived[act.delivery_id] += act.units
    assert all(units <= promised[name] for name, units in arrived.items())


def test_the_contract_accepts_what_is_good_and_refuses_what_is_bad_for_the_expected_reason(plan):
    later = {"conflicting-duplicate", "unknown-back-order"}  # found by those who know the order, not by the record
    for sent in play(plan).sent:
        record = sent.record
        arguments = (record.topic, record.key.encode(), record.value, record.headers)
        if record.refused is None:
            assert parse(*arguments)[0].id == record.cause_id
        elif record.refused in later:
            parse(*arguments)
        else:
            with pytest.raises(Refused, match=record.refused):
                parse(*arguments)
