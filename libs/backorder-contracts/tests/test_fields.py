from datetime import UTC, datetime, timedelta, timezone

import pytest
from pydantic_core import PydanticCustomError

from backorder_contracts.fields import format_time, parse_published, parse_time, parse_time_or_date


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2026-11-24T07:00:00Z", datetime(2026, 11, 24, 7, tzinfo=UTC)),
        ("2026-11-24t07:00:00z", datetime(2026, 11, 24, 7, tzinfo=UTC)),
        ("2026-11-24T08:00:00+01:00", datetime(2026, 11, 24, 7, tzinfo=UTC)),
        ("2026-11-24T07:00:00-00:00", datetime(2026, 11, 24, 7, tzinfo=UTC)),
        ("2026-11-24T07:00:00.5Z", datetime(2026, 11, 24, 7, 0, 0, 500_000, tzinfo=UTC)),
        ("2026-11-24T07:00:00.123456789Z", datetime(2026, 11, 24, 7, 0, 0, 123_456, tzinfo=UTC)),
        ("2016-12-31T23:59:60Z", datetime(2017, 1, 1, tzinfo=UTC)),
        ("2024-02-29T00:00:00Z", datetime(2024, 2, 29, tzinfo=UTC)),
    ],
)
def test_a_time_with_an_offset_is_read_in_utc(text, meant):
    read = parse_time(text)
    assert read == meant
    assert read.tzinfo is UTC


@pytest.mark.parametrize(
    "given",
    [
        "2026-11-24T07:00:00",  # naive
        "2026-11-24 07:00:00Z",  # not RFC 3339
        "2026-11-24T07:00Z",
        "20261124T070000Z",
        "2026-W48-2T07:00:00Z",
        "2026-11-24T07:00:00+0100",
        "2026-11-24T07:00:00Z\n",
        "2026-11-24T24:00:00Z",
        "2026-02-30T00:00:00Z",
        "2026-11-24T07:00:00+24:00",
        "2026-11-24T07:00:00,5Z",
        "٢٠٢٦-11-24T07:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:60-23:00",
        "9999-12-31T00:00:00Z",
        "2026-11-24T07:00:61Z",
        "2026-11-24",
        "",
        1_795_503_600,
        1.5,
        True,
        None,
        datetime(2026, 11, 24),  # noqa: DTZ001
    ],
)
def test_anything_else_is_no_time(given):
    with pytest.raises(PydanticCustomError) as refused:
        parse_time(given)
    assert refused.value.type == "bad-time"


def test_a_date_stands_for_the_midnight_that_ends_it():
    assert parse_time_or_date("2026-11-30") == datetime(2026, 12, 1, tzinfo=UTC)
    assert parse_time_or_date("2026-12-31") == datetime(2027, 1, 1, tzinfo=UTC)
    assert parse_time_or_date("2026-11-30T09:00:00+09:00") == datetime(2026, 11, 30, tzinfo=UTC)


def test_the_midnight_that_ends_the_last_day_can_be_published():
    end = parse_time_or_date("9998-12-31")
    assert format_time(end) == "9999-01-01T00:00:00Z"
    assert parse_published(format_time(end)) == end
    assert parse_published("2026-11-24T08:00:00+01:00") == datetime(2026, 11, 24, 7, tzinfo=UTC)
    for text in ("1899-12-31T00:00:00Z", "9999-12-31T23:59:59-01:00", "2026-11-24"):
        with pytest.raises(PydanticCustomError):
            parse_published(text)


@pytest.mark.parametrize("given", ["2026-02-30", "2026-13-01", "9999-12-31", "2026-11", "2026-11-30Z", 20261130])
def test_a_day_that_does_not_exist_is_refused(given):
    with pytest.raises(PydanticCustomError):
        parse_time_or_date(given)


def test_a_published_time_is_utc_with_z_and_microseconds_at_most():
    east = timezone(timedelta(hours=9))
    assert format_time(datetime(2026, 11, 24, 16, tzinfo=east)) == "2026-11-24T07:00:00Z"
    assert format_time(datetime(2026, 11, 24, 7, 0, 0, 120_000, tzinfo=UTC)) == "2026-11-24T07:00:00.120000Z"
    with pytest.raises(ValueError, match="offset"):
        format_time(datetime(2026, 11, 24))  # noqa: DTZ001
