"""The plan: the same from the same seed, fair to every kind and every target, never too short to be a fault."""

from collections import Counter
from dataclasses import replace
from itertools import islice

from faults_support.plan import AUDITOR, BOTH, LONG, OUTAGE, SERVICES, SHORT, Kind, Mode, rounds
from hypothesis import given, settings
from hypothesis import strategies as st

SEEDS = st.integers(0, 2**32)
SESSIONS = st.floats(1, 10)
ROUNDS = 40
CUTS = (Kind.BROKER_CUT, Kind.DATABASE_CUT)
MEMBERS = {Kind.ZOMBIE, Kind.MEMBERSHIP}
ANYBODY = {Kind.KILL, Kind.PAUSE, Kind.LONG_PAUSE, *CUTS}


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
    for kind in MEMBERS:
        assert Counter(each.service for each in found if each.kind is kind) == dict.fromkeys(SERVICES, ROUNDS // 4)
    everybody = (*SERVICES, AUDITOR)
    for kind in ANYBODY:
        assert Counter(each.service for each in found if each.kind is kind) == dict.fromkeys(everybody, ROUNDS // 5)
    for kind in CUTS:
        assert Counter(each.mode for each in found if each.kind is kind) == dict.fromkeys(Mode, ROUNDS // 4)
    assert {each.process for each in found if each.kind is Kind.KILL} == {BOTH, 1, 2}
    assert all(each.service is None for each in found if each.kind not in MEMBERS | ANYBODY)
    assert {each.process for each in found if each.service == AUDITOR} == {1}, "it has one process"


@given(SEEDS, SESSIONS)
@settings(max_examples=40, deadline=None)
def test_a_pause_outlasts_the_session_and_a_long_one_takes_half_a_minute(seed, session):
    found = [each for one in drawn(seed, session) for each in one]
    assert all(session < each.seconds < LONG for each in found if each.kind is Kind.PAUSE)
    assert {each.seconds for each in found if each.kind is Kind.LONG_PAUSE} == {LONG}


@given(SEEDS, SESSIONS)
@settings(max_examples=20, deadline=None)
def test_of_the_cuts_of_each_kind_that_last_one_in_twenty_is_an_outage(seed, session):
    found = [each for one in drawn(seed, session, count=2 * ROUNDS) for each in one]
    for kind in CUTS:
        lasting = [each for each in found if each.kind is kind and each.mode is not Mode.CUT]
        assert len(lasting) == 60
        assert sum(each.seconds == OUTAGE for each in lasting) == 3
    assert all(each.seconds == 0 for each in found if each.mode is Mode.CUT)


@given(SEEDS, st.integers(1, 5_000))
@settings(max_examples=20, deadline=None)
def test_each_kind_comes_behind_a_burst_in_every_third_round_but_a_storm_and_nothing_else_changes(seed, lines):
    found = drawn(seed, burst=lines)
    for kind in Kind:
        there = [each.burst for one in found for each in one if each.kind is kind]
        first = there.index(lines) if kind is not Kind.STORM else ROUNDS
        assert there == [lines if n >= first and n % 3 == first else 0 for n in range(ROUNDS)]
    assert [[replace(each, burst=0) for each in one] for one in found] == drawn(seed)
    assert all((f"behind {lines} lines" in str(each)) == bool(each.burst) for one in found for each in one)


@given(SEEDS)
@settings(max_examples=20, deadline=None)
def test_a_short_round_has_bursts_too(seed):
    (found,) = drawn(seed, kinds=SHORT, count=1, burst=7)
    assert 2 <= sum(each.burst == 7 for each in found) <= 3


@given(SEEDS, SESSIONS)
@settings(max_examples=20, deadline=None)
def test_without_outages_no_cut_is_one(seed, session):
    found = [each for one in drawn(seed, session, outages=False) for each in one]
    assert OUTAGE not in {each.seconds for each in found}


@given(SEEDS, SESSIONS)
@settings(max_examples=40, deadline=None)
def test_no_fault_but_a_pause_or_an_outage_takes_longer_than_it_must(seed, session):
    pauses = (Kind.PAUSE, Kind.LONG_PAUSE)
    for each in (each for one in drawn(seed, session) for each in one if each.kind not in pauses):
        most = OUTAGE if each.kind in CUTS and each.seconds == OUTAGE else max(4, 2 * session)
        assert 0 <= each.seconds <= round(most, 2)
        assert (each.mode is not None) == (each.kind in CUTS)
        assert str(each.number) in str(each)
