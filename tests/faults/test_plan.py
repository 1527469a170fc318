"""The plan: the same from the same seed, fair to every kind and every target, never too short to be a fault."""

from collections import Counter
from itertools import islice

import pytest
from faults_support.plan import BOTH, LONG, OUTAGE, SERVICES, Kind, Mode, rounds
from hypothesis import given, settings
from hypothesis import strategies as st

SEEDS = st.integers(0, 2**32)
SESSIONS = st.floats(1, 10)
ROUNDS = 40
CUTS = (Kind.BROKER_CUT, Kind.DATABASE_CUT)
TARGETED = {Kind.KILL, Kind.PAUSE, Kind.ZOMBIE, Kind.MEMBERSHIP, *CUTS}


def drawn(seed, session=2.0, count=ROUNDS, **more):
    return list(islice(rounds(seed, session=session, **more), count))


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
    for kind in CUTS:
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
@settings(max_examples=20, deadline=None)
def test_of_the_cuts_of_each_kind_that_last_one_in_twenty_is_an_outage(seed, session):
    found = [each for one in drawn(seed, session, count=2 * ROUNDS) for each in one]
    for kind in CUTS:
        lasting = [each for each in found if each.kind is kind and each.mode is not Mode.CUT]
        assert len(lasting) == 60
        assert sum(each.seconds == OUTAGE for each in lasting) == 3
    assert all(each.seconds == 0 for each in found if each.mode is Mode.CUT)


@given(SEEDS, SESSIONS)
@settings(max_examples=20, deadline=None)
def test_without_long_pauses_no_cut_is_an_outage(seed, session):
    found = [each for one in drawn(seed, session, long_share=0.0) for each in one]
    assert OUTAGE not in {each.seconds for each in found}


@given(SEEDS, SESSIONS)
@settings(max_examples=40, deadline=None)
def test_no_fault_but_a_pause_or_an_outage_takes_longer_than_it_must(seed, session):
    for each in (each for one in drawn(seed, session) for each in one if each.kind is not Kind.PAUSE):
        most = OUTAGE if each.kind in CUTS and each.seconds == OUTAGE else max(4, 2 * session)
        assert 0 <= each.seconds <= round(most, 2)
        assert (each.mode is not None) == (each.kind in CUTS)
        assert str(each.number) in str(each)
