"""Mistakes in the configuration are named at the start."""

from datetime import datetime, timedelta

import pytest
from pydantic import ValidationError

from notifier.settings import NotifierSettings


def test_the_defaults_can_be_used():
    settings = NotifierSettings()
    assert settings.notify.calendar.day(datetime.fromisoformat("2026-11-30T23:59:00Z")) == "Mon 30 Nov 2026"
    assert settings.habits.give_up_after == timedelta(hours=48)


def test_dates_are_written_in_the_zone_of_the_installation(monkeypatch):
    monkeypatch.setenv("BACKORDER_NOTIFY__TIME_ZONE", "Asia/Tokyo")
    calendar = NotifierSettings().notify.calendar
    assert calendar.time(datetime.fromisoformat("2026-11-30T23:59:00Z")) == "Tue 1 Dec 2026 08:59 JST"


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("NOTIFY__TIME_ZONE", "Mars/Base", "is not known here"),
        ("NOTIFY__LEASE", "60", "one send may take"),
        ("SMTP__SENDER", "nobody", "not an e-mail address"),
        ("TEAM__EMAIL", "a@b c", "not a domain name"),
        ("TEAM__PUSH_URL", "ftp://x/", "https://"),
        ("NOTIFY__SENDERS", "0", "greater than or equal to 1"),
    ],
)
def test_a_mistake_is_named(monkeypatch, name, value, complaint):
    monkeypatch.setenv(f"BACKORDER_{name}", value)
    with pytest.raises(ValidationError, match=complaint):
        NotifierSettings()
