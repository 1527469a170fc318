"""Which dead letters a person means, and what is said to mistakes."""

from datetime import UTC, datetime, timedelta

import pytest

from backorder_contracts.handled import DISCARDED, REPLAYED, REPLAYING, DeadLetterHandled
from backorder_runtime.command_line import CannotDo
from backorder_runtime.dead_letters import copy_of, letter_for, wire
from backorder_runtime.dlq.handled import Handled, Handler
from backorder_runtime.dlq.letters import REPLAY_OF, headers_again, read_letter
from backorder_runtime.dlq.selection import select
from backorder_runtime.record import Record
from backorder_runtime.settings import KafkaSettings

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def letter(offset=7, *, topic="order-placed", at=NOW, value=b"{", headers=(), reason="not-json"):
    record = Record(topic, 3, 17, b"k", value, headers)
    sent = wire("gap-detector", letter_for(record, reason, "no JSON"), copy_of(record), at)
    return read_letter("gap-detector", Record(sent.topic, 0, offset, sent.key, sent.value, sent.headers))


def fits(**chosen):
    return select(NOW, **chosen).fits(letter(at=NOW - timedelta(hours=2)))


def test_a_letter_is_the_record_and_what_was_added():
    headers = (("dlq-reason", b"from an earlier life"), ("a", None))
    found = letter(headers=headers)
    assert (found.id, found.key, found.value, found.headers) == ("gap-detector/7", b"k", b"{", headers)
    assert (found.why.reason, found.origin.topic, found.origin.offset) == ("not-json", "order-placed", 17)
    assert found.has_copy


def test_a_record_that_somebody_put_there_is_no_letter():
    assert read_letter("gap-detector", Record("gap-detector.dead-letter", 0, 1, None, b"{}", ())) is None
    broken = (*[(f"dlq-{name}", b"x") for name in ("topic", "partition", "offset", "reason", "detail", "at")],)
    assert read_letter("gap-detector", Record("gap-detector.dead-letter", 0, 1, None, b"{}", broken)) is None


@pytest.mark.parametrize(
    "chosen",
    [
        {},
        {"service": ["gap-detector"], "reason": ["not-json", "empty"], "topic": ["order-placed"]},
        {"since": "3h", "until": "1h"},
        {"since": "2026-11-24T10:00:00Z"},
        {"letters": ["gap-detector/7"]},
        {"letters": ["notifier/1", "gap-detector/1-3", "gap-detector/5-"]},
        {"service": ["gap-detector"], "offsets": "0-7"},
    ],
)
def test_what_fits_everything_that_is_named_is_meant(chosen):
    assert fits(**chosen)


@pytest.mark.parametrize(
    "chosen",
    [
        {"reason": ["empty"]},
        {"topic": ["order-cancelled"]},
        {"since": "1h"},
        {"until": "3h"},
        {"until": "2026-11-23"},
        {"letters": ["gap-detector/8"]},
        {"service": ["gap-detector"], "offsets": "8-"},
    ],
)
def test_what_does_not_is_not(chosen):
    assert not fits(**chosen)


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ({"service": ["gap"]}, "there is no service gap; there are: gap-detector, "),
        ({"reason": ["bad"]}, "there is no reason bad; there are: bad-envelope, "),
        ({"topic": ["orders"]}, "there is no topic orders"),
        ({"since": "yesterday"}, "--since yesterday: expected a time with an offset, or a date"),
        ({"since": "1h", "until": "2h"}, "--since 1h is not before --until 2h"),
        ({"letters": ["7"]}, "7 names no letter: expected SERVICE/OFFSET"),
        ({"letters": ["gap-detector/9-3"]}, "the range 9-3 ends before it begins"),
        ({"letters": ["gap-detector/-3"]}, "is no offset and no range"),
        ({"offsets": "1-2"}, "name one --service"),
        ({"letters": ["notifier/1"], "service": ["gap-detector"]}, "leaves out the letters of notifier"),
    ],
)
def test_mistakes_are_said_in_words(chosen, said):
    with pytest.raises(CannotDo) as mistake:
        select(NOW, **chosen)
    assert said in str(mistake.value)


def test_an_input_is_replayed_as_it_came_and_names_its_letter():
    headers = (("ce_sequence", b"4"), ("dlq-replay-of", b"gap-detector/2"), ("a", None))
    assert headers_again(letter(), headers) == (("ce_sequence", b"4"), ("a", None), (REPLAY_OF, b"gap-detector/7"))


def test_a_message_between_services_loses_its_sequence_because_it_would_be_taken_for_a_repetition():
    found = letter(topic="back-order-queue")
    assert headers_again(found, (("ce_sequence", b"4"), ("ce_id", b"x"))) == (
        ("ce_id", b"x"),
        (REPLAY_OF, b"gap-detector/7"),
    )


def words(handled, found, action, run):
    (word,) = handled.words([found], action, Handler(run, "ops", NOW))
    return DeadLetterHandled.model_validate_json(word.value)


def test_of_two_who_replay_the_same_letter_the_first_on_the_topic_has_it():
    handled, found = Handled(KafkaSettings()), letter()
    first, second = words(handled, found, REPLAYING, "a"), words(handled, found, REPLAYING, "b")
    handled.take(first)
    handled.take(second)
    assert handled.of(found).run == "a"
    assert handled.in_doubt(found)
    handled.take(words(handled, found, REPLAYED, "a"))
    assert not handled.is_open(found)
    again = words(handled, found, REPLAYING, "b")
    assert again.after == "a"
    handled.take(again)
    assert handled.of(found).run == "b"


def test_a_letter_about_the_same_place_that_is_newer_is_not_dealt_with():
    handled, found = Handled(KafkaSettings()), letter()
    handled.take(words(handled, found, DISCARDED, "a"))
    assert not handled.is_open(found)
    assert not handled.is_open(letter(offset=8)), "the same letter, sent again"
    assert handled.is_open(letter(offset=9, at=NOW + timedelta(seconds=1)))
    assert handled.is_open(letter(offset=10, value=b"another message of one bundle"))
