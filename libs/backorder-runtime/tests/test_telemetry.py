"""What the logs of libraries are spared."""

import logging

import pytest

from backorder_runtime import telemetry
from backorder_runtime.telemetry import OncePerWhile


@pytest.fixture
def clock(monkeypatch):
    now = [1_000.0]
    monkeypatch.setattr(telemetry.time, "monotonic", lambda: now[0])
    return now


def line(text, *arguments, level=logging.ERROR, name="aiokafka"):
    return logging.LogRecord(name, level, "file", 1, text, arguments, None)


def test_a_message_passes_once_in_a_while_whatever_its_details(clock):
    sparing = OncePerWhile(5)
    assert [sparing.filter(line("no broker %s", n)) for n in range(200)] == [True] + [False] * 199
    assert sparing.filter(line("no group %s", 1))
    assert sparing.filter(line("no broker %s", 1, level=logging.WARNING))
    assert sparing.filter(line("no broker %s", 1, name="librdkafka"))


def test_what_was_kept_back_is_counted(clock):
    sparing = OncePerWhile(5)
    for n in range(200):
        sparing.filter(line("no broker %s", n))
    clock[0] += 5
    again = line("no broker %s", 200)
    assert sparing.filter(again)
    assert again.getMessage() == "no broker 200 (and 199 times before)"
    assert not sparing.filter(line("no broker %s", 201))


def test_a_library_with_details_in_its_text_does_not_fill_the_memory(clock):
    sparing = OncePerWhile(5)
    for n in range(5_000):
        assert sparing.filter(line(f"no broker {n}"))
    assert len(sparing._seen) <= 1_000
