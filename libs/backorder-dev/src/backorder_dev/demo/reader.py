"""`backorder demo read`: a topic in the terminal."""

from __future__ import annotations

import sys

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import ConsumerRecord


async def print_topic(bootstrap_servers: str, topic: str) -> None:
    """Print every record of a topic, one line each, and go on until cancelled."""
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=bootstrap_servers, auto_offset_reset="earliest", enable_auto_commit=False
    )
    await consumer.start()
    try:
        async for record in consumer:
            sys.stdout.write(_line(record) + "\n")
            sys.stdout.flush()
    finally:
        await consumer.stop()


def _line(record: ConsumerRecord) -> str:
    headers = {name: (value or b"").decode("utf-8", "replace") for name, value in record.headers}
    said = headers.get("ce_type") or headers.get("dlq-reason") or ""
    if "dlq-reason" in headers:
        said = f"{headers['dlq-reason']} ({headers.get('dlq-detail')}) from {headers.get('dlq-topic')}"
    key = (record.key or b"").decode("utf-8", "replace")
    value = (record.value or b"").decode("utf-8", "replace")
    return f"{record.partition}/{record.offset} {said} {key} {value}"
