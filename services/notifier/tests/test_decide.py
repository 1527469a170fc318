"""Who hears of what: the pure decision."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backorder_contracts.state import STATE_EVENTS
from notifier.domain.decide import Habits, Queued, Seen, Settled, decide, usable
from notifier.domain.model import Audience, BackOrder, Channel, Kind, Promise, Quantity, Recipient, StateEvent
from notifier.domain.schedule import Patience, next_try
from notifier.domain.table import TABLE, kind_of, replaced, rules
from notifier.handlers import NotifierHandler
from notifier.settings import TeamSettings

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
HABITS = Habits("parts-desk", timedelta(seconds=2), timedelta(hours=48))
CUSTOMER = Recipient(Audience.CUSTOMER, "C-17")
TEAM = Recipient(Audience.TEAM, "parts-desk")
BOTH = frozenset({Channel.EMAIL, Channel.PUSH})
REACH = {CUSTOMER: BOTH, TEAM: BOTH}


def test_every_event_type_of_the_contract_stands_in_the_table():
    assert set(TABLE) == set(STATE_EVENTS)


def test_the_version_is_noted_even_where_nobody_hears(make_event, clock):
    assert decide(1, REACH, make_event("prioritised", version=2), clock(), HABITS) == (Seen("BO-1", 2, closed=False),)


def test_an_unknown_event_type_is_silent(make_event, clock):
    assert len(decide(1, REACH, make_event("invented-later", version=2), clock(), HABITS)) == 1


@pytest.mark.parametrize("seen", [3, 4, 100])
def test_a_version_seen_before_changes_nothing(make_event, clock, seen):
    assert decide(seen, REACH, make_event("shipped", version=3), clock(), HABITS) == ()


@pytest.mark.parametrize(
    ("happened", "state", "team"),
    [
        ("opened", {}, False),
        ("opened", {"service_impact": "down"}, True),
        ("promised", {"service_impact": "degraded"}, False),
        ("revoked", {}, False),
        ("revoked", {"promise": 3}, True),
        ("at-risk", {}, True),
        ("breached", {}, True),
        ("completed", {"service_impact": "down"}, True),
        ("allocated", {"service_impact": "down"}, False),
    ],
)
def test_the_team_hears_of_standing_machines_and_broken_promises(make_event, happened, state, team):
    event = make_event(happened, **state)
    assert (Audience.TEAM in {rule.audience for rule in rules(event.event_type, event.state)}) == team


@pytest.mark.parametrize(
    ("happened", "state", "customer"),
    [
        ("revoked", {"promise": 3}, False),
        ("at-risk", {}, False),
        ("breached", {}, False),
        ("breached", {"need_by": "2026-11-30T00:00:00Z"}, True),
        ("allocated", {}, False),
        ("released", {}, True),
        ("shipped", {}, True),
        ("command-refused", {}, False),
    ],
)
def test_customers_hear_what_matters_to_them(make_event, happened, state, customer):
    event = make_event(happened, **state)
    assert (Audience.CUSTOMER in {rule.audience for rule in rules(event.event_type, event.state)}) == customer


def test_a_cancellation_is_an_end_only_when_nothing_is_left(make_state):
    assert kind_of("back-order.cancelled", make_state(status="cancelled")) is Kind.END
    assert kind_of("back-order.cancelled", make_state(status="open")) is Kind.ANSWER


def test_no_news_makes_an_answer_needless():
    assert all(old is not Kind.ANSWER for kind in Kind for _, old in replaced(kind, Channel.EMAIL))


def test_push_stands_in_for_mail_but_mail_not_for_push():
    assert usable((Channel.EMAIL,), frozenset({Channel.PUSH})) == (Channel.PUSH,)
    assert usable((Channel.PUSH,), frozenset({Channel.EMAIL})) == ()
    assert usable((Channel.EMAIL, Channel.PUSH), BOTH) == (Channel.EMAIL, Channel.PUSH)


def test_ids_differ_by_event_channel_audience_and_recipient(make_event, clock):
    namesake = {Recipient(Audience.CUSTOMER, "X"): BOTH, Recipient(Audience.TEAM, "X"): BOTH}
    habits = Habits("X", HABITS.window, HABITS.give_up_after)
    events = [make_event("opened", customer_id="X", service_impact="down", version=n) for n in (1, 2)]
    facts = [fact for event in events for fact in decide(0, namesake, event, clock(), habits)]
    ids = [fact.notification.notification_id for fact in facts if isinstance(fact, Queued)]
    assert len(ids) == len(set(ids)) == 8


def test_whoever_decides_an_event_again_derives_the_same_ids(make_event, clock):
    first, again = (decide(0, REACH, make_event(service_impact="down"), clock(), HABITS) for _ in range(2))
    ids = [fact.notification.notification_id for fact in first if isinstance(fact, Queued)]
    assert len(ids) == 4
    assert ids == [fact.notification.notification_id for fact in again if isinstance(fact, Queued)]


def test_an_event_that_comes_twice_in_a_batch_has_one_outcome(make_record, clock):
    handler = NotifierHandler(HABITS, TeamSettings(), "parts.example")
    arrived = handler.decode(make_record())
    effects = [handler.evolve(arrived, handler.decide(arrived, clock()), clock()) for _ in range(2)]
    assert [len(each) for each in effects] == [1, 0]


_happened = st.sampled_from([name.removeprefix("back-order.") for name in TABLE] + ["invented-later"])
_reach = st.dictionaries(
    st.sampled_from([CUSTOMER, TEAM]), st.frozensets(st.sampled_from([Channel.EMAIL, Channel.PUSH]))
)


@given(happenings=st.lists(_happened, min_size=1, max_size=12), reach=_reach, data=st.data())
def test_repeated_and_late_events_lead_to_what_each_led_to_once(happenings, reach, data):
    # hypothesis and function fixtures do not mix: the events are built here
    events = [_event(happened, version) for version, happened in enumerate(happenings, 1)]
    once = _run(events, reach)
    repeats = data.draw(st.lists(st.integers(0, len(events) - 1), max_size=10))
    noisy = list(events)
    for index in repeats:
        first = noisy.index(events[index])
        noisy.insert(data.draw(st.integers(first + 1, len(noisy))), events[index])
    assert _run(noisy, reach) == once


@given(happened=_happened, reach=_reach, late=st.booleans(), promise=st.none() | st.integers(1, 9), down=st.booleans())
def test_every_rule_that_holds_is_accounted_for(happened, reach, late, promise, down):
    event = _event(happened, 1, promise=promise, service_impact="down" if down else "none")
    now = event.caused_at + timedelta(hours=49 if late else 0)
    facts = decide(0, reach, event, now, HABITS)
    told = {(_audience(fact)) for fact in facts if not isinstance(fact, Seen)}
    assert told == {rule.audience for rule in rules(event.event_type, event.state)}
    assert sum(isinstance(fact, Seen) for fact in facts) == 1
    assert not (late and any(isinstance(fact, Queued) for fact in facts))


@given(attempts=st.integers(1, 1_000), name=st.text(max_size=20))
def test_waits_grow_up_to_a_limit_and_are_the_same_again(attempts, name):
    patience = Patience(timedelta(seconds=30), timedelta(hours=1))
    at = next_try(patience, name, attempts, NOW)
    assert at == next_try(patience, name, attempts, NOW)
    assert timedelta(seconds=24) <= at - NOW <= timedelta(hours=1.2)
    assert next_try(patience, name, attempts, NOW, timedelta(hours=5)) == NOW + timedelta(hours=5)


def _event(happened: str, version: int, promise: int | None = None, service_impact: str = "none") -> StateEvent:
    at = NOW + timedelta(days=promise or 0)
    state = BackOrder(
        back_order_id="BO-1", version=version, order_id="SO-1", line_id="1", part_id="P", location_id="W",
        customer_id="C-17", status="open", quantity=Quantity(4, 0, 4, 0, 0, 0, 0, 4), opened_at=NOW,
        service_impact=service_impact, promise=Promise(at, at, at) if promise else None,
    )  # fmt: skip
    return StateEvent(
        event_id=f"router.0.{version}", event_type=f"back-order.{happened}", caused_at=NOW, lane="P@W", state=state
    )


def _run(events, reach):
    """The facts of a stream of events, as the handler folds them."""
    seen, facts = 0, []
    for event in events:
        for fact in decide(seen, reach, event, NOW, HABITS):
            if isinstance(fact, Seen):
                seen = fact.version
            facts.append(fact)
    return facts


def _audience(fact):
    if isinstance(fact, Queued):
        return fact.notification.recipient.audience
    assert isinstance(fact, Settled)
    return Audience.TEAM if fact.outcome.recipient_id == "parts-desk" else Audience.CUSTOMER
