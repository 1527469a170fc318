"""Lets aiokafka take a connection that uvloop has closed for one that is broken.

Writing to a connection that the broker has just closed raises RuntimeError under uvloop. aiokafka expects OSError
there: the other error ends the task that keeps a consumer in its group, and the consumer with it.
"""

from typing import Any

from aiokafka.conn import AIOKafkaConnection, CloseReason
from aiokafka.errors import KafkaConnectionError

_send = AIOKafkaConnection.send


def install() -> None:
    """Have every connection of this process do so."""
    AIOKafkaConnection.send = send


def send(connection: AIOKafkaConnection, *arguments: Any, **more: Any) -> Any:
    """Send a request; raises KafkaConnectionError, as for any broken connection, when it was closed."""
    try:
        return _send(connection, *arguments, **more)
    except RuntimeError as error:
        connection.close(reason=CloseReason.CONNECTION_BROKEN)
        raise KafkaConnectionError(f"Connection at {connection.host}:{connection.port} closed: {error}") from error
