"""What a dead letter holds of a record, however large that is."""

from datetime import UTC, datetime

import pytest

from backorder_contracts.topics import TOPICS
from backorder_runtime.dead_letters import copy_of, letter_for, wire
from backorder_runtime.record import Record

NOW = datetime(2026, 11, 24, tzinfo=UTC)
ROOM = TOPICS["gap-detector.dead-letter"].max_message_bytes


def sent(record):
    return wire("gap-detector", letter_for(record, "not-json", "no JSON"), copy_of(record), NOW)


def size(wire):
    names = sum(len(name) + len(value or b"") for name, value in wire.headers)
    return len(wire.key or b"") + len(wire.value or b"") + names


@pytest.mark.parametrize("value", [None, b"", b"{", b"x" * 1_000_000])
def test_a_record_is_copied_as_it_is_with_where_it_stood_and_why(value):
    headers = (("a", None), ("a", b"\xff"), ("", b""))
    letter = sent(Record("order-placed", 3, 17, b"\xff", value, headers))
    assert (letter.topic, letter.key, letter.value) == ("gap-detector.dead-letter", b"\xff", value)
    assert letter.headers == (
        *headers,
        ("dlq-topic", b"order-placed"),
        ("dlq-partition", b"3"),
        ("dlq-offset", b"17"),
        ("dlq-reason", b"not-json"),
        ("dlq-detail", b"no JSON"),
        ("dlq-at", b"2026-11-24T00:00:00Z"),
    )


def test_a_value_that_no_dead_letter_can_hold_stays_at_its_origin():
    letter = sent(Record("order-placed", 3, 17, b"k", b"x" * ROOM, (("a", b"1"),)))
    assert (letter.key, letter.value, letter.headers[0]) == (b"k", None, ("a", b"1"))
    detail = dict(letter.headers)["dlq-detail"]
    assert detail.startswith(b"no JSON; too large for a dead letter")
    assert size(letter) < ROOM


def test_nor_do_a_key_and_headers_that_are_too_large():
    letter = sent(Record("order-placed", 3, 17, b"k" * ROOM, b"v", (("a" * 100, b"1" * 9_000),) * 10))
    assert (letter.key, letter.value) == (None, None)
    assert letter.headers[0][0] == "dlq-topic"
    assert size(letter) < ROOM
