"""When a service stops rather than refuse everything: its own fault, not a publisher's."""

from collections import Counter

import pytest

from backorder_contracts.internal import Origin
from backorder_runtime.outbox import Letter
from backorder_runtime.refusal_limit import RefusalLimit, TooManyRefused
from backorder_runtime.settings import EngineSettings

TOPIC = "order-placed"


def letters(count, topic=TOPIC, reason="not-json"):
    return [Letter(Origin(topic, 3, offset), reason, "no JSON", None) for offset in range(count)]


def limit(**settings):
    return RefusalLimit("gap-detector", [TOPIC, "order-cancelled"], EngineSettings(**settings))


def committed(judge, accepted, refused, topic=TOPIC):
    judge.keep(judge.judge(Counter({topic: accepted}), letters(refused, topic)))


def test_a_version_that_refuses_all_from_its_start_stops_and_says_what_to_do():
    with pytest.raises(TooManyRefused) as stopped:
        limit().judge(Counter(), letters(2_000))
    said = str(stopped.value)
    assert "gap-detector refuses nearly everything: 2000 of the 2000 messages of order-placed" in said
    assert "2000 not-json; the last at order-placed[3] 1999: no JSON" in said
    assert "BACKORDER_ENGINE__DEAD_LETTER_LIMIT=0" in said


def test_it_stops_too_when_records_come_one_by_one():
    judge = limit()
    for _ in range(49):
        committed(judge, 0, 1)
    with pytest.raises(TooManyRefused):
        judge.judge(Counter(), letters(1))


def test_a_batch_that_was_not_committed_does_not_count():
    judge = limit()
    for _ in range(10):
        judge.judge(Counter(), letters(30))
    committed(judge, 0, 30)


def test_a_few_bad_records_are_letters_however_large_their_share():
    committed(limit(), 0, 49)


def test_a_publisher_among_others_that_goes_wrong_stops_nothing():
    judge = limit()
    for _ in range(1_000):
        committed(judge, 1, 8)


def test_a_publisher_that_goes_wrong_after_good_records_stops_nothing_however_many_come():
    judge = limit()
    committed(judge, 1_000, 0)
    committed(judge, 0, 1_000_000)


def test_each_topic_is_judged_for_itself():
    judge = limit()
    committed(judge, 100_000, 0, "order-cancelled")
    with pytest.raises(TooManyRefused, match="order-placed"):
        judge.judge(Counter({"order-cancelled": 1}), letters(50))


def test_zero_turns_it_off():
    committed(limit(dead_letter_limit=0), 0, 100_000)


def test_share_and_minimum_are_settings():
    judge = limit(dead_letter_limit=0.5, dead_letter_minimum=2)
    committed(judge, 1, 1)
    with pytest.raises(TooManyRefused):
        judge.judge(Counter(), letters(1))
