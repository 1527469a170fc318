"""Of what tells how a lane stands now, a batch publishes the last; all else is published as it was said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backorder_runtime.bundle import Bundler
from backorder_runtime.outcome import Outcome
from backorder_runtime.record import Latest, Message

LANES, KINDS = ("A@W1", "B@W1"), ("one", "other")
said = st.lists(st.tuples(st.booleans(), st.sampled_from(LANES), st.sampled_from(KINDS)), max_size=30)


@pytest.fixture
def outcome():
    return Outcome(Bundler(4))


def latest(value=b"", lane=LANES[0], kind=KINDS[0]):
    return Latest("supply", lane, kind, lambda: value)


@given(said)
def test_what_is_replaced_is_left_out_and_the_rest_keeps_its_order(effects):
    outcome = Outcome(Bundler(4))
    for number, (plain, lane, kind) in enumerate(effects):
        value = str(number).encode()
        outcome.take([Message("supply", lane, kind, value) if plain else latest(value, lane, kind)], None)
    outcome.complete()
    last = {effect: number for number, effect in enumerate(effects)}
    expected = [n for n, effect in enumerate(effects) if effect[0] or last[effect] == n]
    assert [int(entry.value) for entry in outcome.entries] == expected


def test_what_is_replaced_is_not_even_written(outcome):
    outcome.take([Latest("supply", LANES[0], "one", lambda: 1 / 0), latest(b"last")], None)
    assert outcome.complete() == {}
    assert [entry.value for entry in outcome.entries] == [b"last"]


def test_it_goes_on_with_the_trace_of_what_it_was_said_about_last(outcome):
    outcome.take([latest()], "00-first-01")
    outcome.take([latest()], "00-last-01")
    outcome.complete()
    assert [entry.trace for entry in outcome.entries] == ["00-last-01"]


def test_how_the_lane_stands_is_asked_when_all_of_the_batch_is_decided(outcome):
    state = []
    outcome.take([Latest("supply", LANES[0], "one", lambda: str(len(state)).encode())], None)
    state.append("more")
    outcome.complete()
    assert [entry.value for entry in outcome.entries] == [b"1"]


def test_what_cannot_be_written_is_named_by_its_lane(outcome):
    outcome.take([Latest("supply", LANES[0], "one", lambda: 1 / 0), latest(lane=LANES[1])], None)
    failed = outcome.complete()
    assert [(lane, type(error)) for lane, error in failed.items()] == [(LANES[0], ZeroDivisionError)]
