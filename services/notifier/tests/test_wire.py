"""What is taken of a topic that anybody can write to: nothing that the database, or a sum, would fail at for ever."""

from datetime import timedelta

import pytest

from backorder_contracts.fields import MAX_VERSION
from backorder_contracts.refusal import Reason, Refused
from backorder_runtime.record import Record
from notifier.domain.decide import Habits
from notifier.handlers import NotifierHandler
from notifier.settings import TeamSettings

_LATE = "9999-12-31T23:59:59Z"


@pytest.fixture
def handler():
    return NotifierHandler(Habits("parts-desk", timedelta(seconds=2), timedelta(hours=48)), TeamSettings(), "x.example")


@pytest.fixture
def take(handler, clock):
    """What the handler says to a record without a database: the reason of its refusal, or how many effects it has."""

    def take(record: Record) -> Reason | int:
        try:
            arrived = handler.decode(record)
        except Refused as refused:
            return refused.reason
        return len(handler.evolve(arrived, handler.decide(arrived, clock()), clock()))

    return take


def _with_header(record: Record, name: str, text: str) -> Record:
    headers = tuple((each, text.encode() if each == name else value) for each, value in record.headers)
    return Record(record.topic, 0, 0, record.key, record.value, headers)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"status": "open\x00"}, Reason.INVALID_FIELD),
        ({"service_impact": "down\x00"}, Reason.INVALID_FIELD),
        ({"band": "\x00"}, Reason.INVALID_FIELD),
        ({"reason": "\x00"}, Reason.INVALID_FIELD),
        ({"status": "x" * 10_000}, Reason.INVALID_FIELD),
        *[
            ({name: "x" * 65}, Reason.BAD_IDENTIFIER)
            for name in ("back_order_id", "order_id", "line_id", "customer_id")
        ],
        ({"part_id": "x" * 10_000}, Reason.BAD_IDENTIFIER),
        ({"location_id": "\x00"}, Reason.BAD_IDENTIFIER),
        ({"version": MAX_VERSION + 1}, Reason.BAD_QUANTITY),
        ({"version": 0}, Reason.BAD_QUANTITY),
        ({"version": -(2**70)}, Reason.BAD_QUANTITY),
        ({"due_at": _LATE}, Reason.BAD_TIME),
        ({"need_by": "0001-01-01T00:00:00+14:00"}, Reason.BAD_TIME),
        ({"opened_at": "2026-11-24T08:00:00"}, Reason.BAD_TIME),
    ],
)
def test_a_state_that_cannot_be_kept_is_refused_and_the_next_one_is_taken(take, make_record, change, reason):
    assert take(make_record(**change)) == reason
    assert take(make_record()) == 1


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("ce_id", "a\x00b", Reason.BAD_ENVELOPE),
        ("ce_id", "x" * 10_000, Reason.BAD_ENVELOPE),
        ("ce_id", "", Reason.BAD_ENVELOPE),
        ("ce_type", "back-order.opened\x00", Reason.BAD_ENVELOPE),
        ("ce_time", _LATE, Reason.BAD_TIME),
        ("ce_time", "0001-01-01T00:00:00+14:00", Reason.BAD_TIME),
        ("ce_time", "2026-11-24T08:00:00", Reason.BAD_TIME),
        ("ce_time", "soon", Reason.BAD_TIME),
    ],
)
def test_a_header_that_cannot_be_kept_is_refused_and_the_next_record_is_taken(take, make_record, name, text, reason):
    assert take(_with_header(make_record(), name, text)) == reason
    assert take(make_record()) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"version": MAX_VERSION},
        {"part_id": "\u200c\u00a0\u3000" + "Ü" * 61},
        {"band": None, "status": "invented-later", "reason": "invented-later"},
        {"due_at": "9999-12-31T00:00:00Z", "need_by": "9999-01-01T00:00:00Z"},
    ],
)
def test_what_the_contract_allows_is_taken(take, make_record, change):
    assert take(make_record(**change)) == 1
