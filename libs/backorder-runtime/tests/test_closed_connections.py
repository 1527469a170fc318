"""A connection that the broker closes while a request is written: broken, and nothing worse."""

import asyncio

import pytest
import uvloop
from aiokafka.conn import AIOKafkaConnection
from aiokafka.errors import KafkaConnectionError
from aiokafka.protocol.coordination import FindCoordinatorRequest

from backorder_runtime import consumer as kafka

assert kafka, "the guard is there wherever there is a consumer"


def test_a_request_on_a_connection_that_was_just_closed_fails_as_on_a_broken_one():
    async def write_late():
        server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
        host, port = server.sockets[0].getsockname()
        connection = AIOKafkaConnection(host=host, port=port)
        connection._reader, connection._writer = await asyncio.open_connection(host, port)
        connection._read_task = asyncio.create_task(asyncio.sleep(0))
        connection._versions = {10: (0, 1)}
        connection._writer.transport.abort()  # the writer is there still, as it is when the broker was quicker
        await asyncio.sleep(0)
        try:
            with pytest.raises(KafkaConnectionError, match="closed"):
                connection.send(FindCoordinatorRequest("group", 0))
            assert not connection.connected()
        finally:
            server.close()

    uvloop.run(write_late())
