"""The plan: the same from the same seed, fair to every kind and every target, never too short to be a fault."""

from collections import Counter
from itertools import islice

import pytest
from faults_support.plan import BOTH, LONG, SERVICES, Kind, Mode, rounds
from hypothesis import given, settings
from hypothesis import strategies as st

SEEDS = st.integers(0, 2**32)
SESSIONS = st.floats(1, 10)
ROUNDS = 40
TARGETED = {Kind.KILL, Kind.PAUSE, Kind.ZOMBIE, Kind.MEMBERSHIP, Kind.BROKER_CUT, Kind.DATABASE_CUT}


def drawn(seed, session=2.0, **more):
    return list(islice(rounds(seed, session=session, **more), ROUNDS))


@given(SEEDS)
@settings(max_examples=20, deadline=None)
def test_a_seed_gives_the_same_plan_again(seed):
    assert drawn(seed) == drawn(seed)


@given(SEEDS)
@settings(max_examples=20, deadline=None)
def test_every_round_holds_every_kind_once_and_numbers_go_on(seed):
    found = drawn(seed)
    assert all({each.kind for each in one} == set(Kind) and len(one) == len(Kind) for one in found)
    assert [each.number for one in found for each in one] == list(range(1, ROUNDS * len(Kind) + 1))


@given(SEEDS, SESSIONS)
@settings(max_examples=40, deadline=None)
def test_every_service_is_hit_as_often_as_any_other_and_every_cut_in_each_way(seed, session):
    found = [each for one in drawn(seed, session) for each in one]
    for kind in TARGETED:
        assert Counter(each.service for each in found if each.kind is kind) == dict.fromkeys(SERVICES, ROUNDS // 4)
    for kind in (Kind.BROKER_CUT, Kind.DATABASE_CUT):
        assert Counter(each.mode for each in found if each.kind is kind) == dict.fromkeys(Mode, ROUNDS // 4)
    assert {each.process for each in found if each.kind is Kind.KILL} == {BOTH, 1, 2}
    assert all(each.service is None for each in found if each.kind not in TARGETED)


@given(SEEDS, SESSIONS, st.sampled_from([0.0, 0.1, 0.5, 1.0]))
@settings(max_examples=40, deadline=None)
def test_a_pause_outlasts_the_session_and_the_given_share_takes_half_a_minute(seed, session, share):
    pauses = [each for one in drawn(seed, session, long_share=share) for each in one if each.kind is Kind.PAUSE]
    assert all(each.seconds > session for each in pauses)
    assert sum(each.seconds == LONG for each in pauses) == pytest.approx(share * ROUNDS)


@given(SEEDS, SESSIONS)
@settings(max_examples=40, deadline=None)
def test_no_fault_but_a_pause_takes_longer_than_it_must(seed, session):
    for each in (each for one in drawn(seed, session) for each in one if each.kind is not Kind.PAUSE):
        assert 0 <= each.seconds <= max(4, 2 * session)
        assert (each.mode is not None) == (each.kind in {Kind.BROKER_CUT, Kind.DATABASE_CUT})
        assert str(each.number) in str(each)
