"""The two ledgers of a lane agree about every unit, however late their messages reach each other.

The business is honest (nothing is lost), lossy (stock vanishes, records come late) or rogue (the warehouse also
ships what it was not told to, more than was ordered, before the order).
"""

from random import Random

import pytest
from handover_business import HAPPENINGS, Business
from handover_world import HOUR
from hypothesis import given, settings
from hypothesis import strategies as st

from backorder_contracts.events import EVENTS

KINDS = {
    "honest": {},
    "lossy": {"losses": True},
    "rogue": {"losses": True, "rogue": True},
}
each_kind = pytest.mark.parametrize("kind", KINDS)
steps = st.tuples(st.integers(0, len(HAPPENINGS) - 1), st.integers(0, 255), st.integers(0, 8))
EXAMPLES = settings.default.max_examples


def run(kind, drawn):
    world = Business(**KINDS[kind])
    for step in drawn:
        world.play(step)
    world.come_to_rest()
    world.books.close()
    world.now += HOUR  # what was debounced is released, what was late is breached
    world.come_to_rest()
    world.books.close()
    return world


@each_kind
@given(st.lists(steps, min_size=20, max_size=90))
def test_a_short_story_ends_in_agreement(kind, drawn):
    run(kind, drawn)


def long_story(seed):
    draw = Random(seed)
    return [(draw.randrange(len(HAPPENINGS)), draw.randrange(256), draw.randrange(9)) for _ in range(400)]


@each_kind
@settings(max_examples=max(1, EXAMPLES // 4))
@given(st.integers(0, 2**32 - 1))
def test_a_long_story_ends_in_agreement(kind, seed):
    run(kind, long_story(seed))


@each_kind
def test_what_is_published_meanwhile_is_what_the_contract_says(kind):
    world = run(kind, long_story(1) + long_story(2))
    for message in world.books.messages:
        event = EVENTS[message.type]
        told = event.model.model_validate_json(message.value)
        assert message.topic == event.topic
        for extra in event.extras.has if event.extras else ():
            assert getattr(told, extra) is not None, f"{message.type} has no {extra}"
    assert len(world.books.events) > 10, "hardly anything happened"
