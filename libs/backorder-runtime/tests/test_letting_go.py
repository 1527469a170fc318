"""A consumer that does not get through to a broker leaves nothing open behind it."""

import gc
import socket
import warnings

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaConnectionError

from backorder_runtime.consumer import started


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
