"""A reader that gets no answer from a broker does not wait for it for long, and leaves nothing open behind it."""

import asyncio
import gc
import socket
import warnings

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaConnectionError
from pydantic import ValidationError

from backorder_runtime.consumer import new_consumer, started
from backorder_runtime.settings import KafkaSettings, Settings, aiokafka_options


async def try_to_start():
    with socket.socket() as nobody:  # bound, so that nobody else is there; it does not listen
        nobody.bind(("127.0.0.1", 0))
        with pytest.raises(KafkaConnectionError):
            await started(AIOKafkaConsumer(bootstrap_servers=f"127.0.0.1:{nobody.getsockname()[1]}"))


async def test_a_consumer_that_does_not_get_through_is_let_go_of():
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        await try_to_start()
        gc.collect()
    assert [str(each.message) for each in said] == []


async def test_a_broker_that_never_answers_is_given_up_when_the_time_for_a_request_is_over():
    with socket.socket() as silent:  # takes connections, and is never heard of again
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        where = f"127.0.0.1:{silent.getsockname()[1]}"
        settings = KafkaSettings(bootstrap_servers=where, session_timeout_ms=1_000, request_timeout_ms=1_200)
        async with asyncio.timeout(20):
            with pytest.raises(KafkaConnectionError):
                await started(new_consumer(settings, "readers", offset_reset="none"))


def test_whoever_joins_must_be_able_to_wait_for_members_that_are_silent():
    with pytest.raises(ValidationError, match="request_timeout_ms, 6000, must be more than session_timeout_ms, 6000"):
        KafkaSettings(session_timeout_ms=6_000, request_timeout_ms=6_000)


@pytest.mark.parametrize(("silence", "patience"), [(None, 20_000), (2_000, 20_000), (45_000, 90_000)])
def test_whoever_allows_a_longer_silence_waits_longer_for_answers_without_saying_so(monkeypatch, silence, patience):
    if silence is not None:
        monkeypatch.setenv("BACKORDER_KAFKA__SESSION_TIMEOUT_MS", str(silence))
    assert aiokafka_options(Settings().kafka)["request_timeout_ms"] == patience
