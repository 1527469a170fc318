"""The topic that says which policy is in force: read to its end, and written by `backorder policy apply`."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, TopicPartition
from pydantic import ValidationError

from backorder_contracts.envelope import read, write
from backorder_contracts.policy import PolicyApplied
from backorder_contracts.refusal import Refused
from backorder_runtime.consumer import started
from backorder_runtime.outbox import Wire
from backorder_runtime.publisher import Publisher
from backorder_runtime.settings import KafkaSettings, aiokafka_options

TOPIC = "back-order-policy"
KEY = "policy"
PLACE = TopicPartition(TOPIC, 0)


class NotAPolicyError(Exception):
    """A record of the policy topic is none that `backorder policy apply` writes; the message says why."""


def decode(record: Any) -> PolicyApplied:
    """The event of a record. Raises `NotAPolicyError`."""
    try:
        envelope = read(record.topic, record.key, record.value, record.headers)
        if envelope.type != PolicyApplied.ce_type:
            raise NotAPolicyError(f"ce_type is {envelope.type}, expected {PolicyApplied.ce_type}")
        return PolicyApplied.model_validate(envelope.data)
    except Refused as refused:
        raise NotAPolicyError(str(refused)) from refused
    except ValidationError as error:
        first = error.errors()[0]
        raise NotAPolicyError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error


async def open_consumer(kafka: KafkaSettings) -> Any:
    """A consumer at the beginning of the topic. The caller stops it."""
    consumer: Any = AIOKafkaConsumer(**aiokafka_options(kafka), enable_auto_commit=False)
    await started(consumer)
    consumer.assign([PLACE])
    await consumer.seek_to_beginning(PLACE)
    return consumer


async def up_to_now(consumer: Any) -> AsyncIterator[Sequence[Any]]:
    """The records that the topic has at the time of the call, batch after batch."""
    end = (await consumer.end_offsets([PLACE]))[PLACE]
    while await consumer.position(PLACE) < end:
        for records in (await consumer.getmany(PLACE, timeout_ms=200)).values():
            yield records


async def applied(kafka: KafkaSettings) -> list[PolicyApplied]:
    """All policies that the topic still knows, oldest first; the last one is in force. Bad records are left out."""
    consumer = await open_consumer(kafka)
    found = []
    try:
        async for records in up_to_now(consumer):
            for record in records:
                try:
                    found.append(decode(record))
                except NotAPolicyError:
                    continue
    finally:
        await consumer.stop()
    return found


async def apply(kafka: KafkaSettings, version: str, text: str, by: str, at: datetime) -> None:
    """Put a policy into force; returns when the broker has it for good."""
    event = PolicyApplied(version=version, text=text, applied_by=by, applied_at=at)
    headers = write(
        id=f"policy.{uuid4()}", source="/backorder/policy", type=PolicyApplied.ce_type, time=at, subject=version
    )
    publisher = Publisher(kafka)
    try:
        await publisher.publish([Wire(TOPIC, KEY.encode(), event.to_json(), tuple(headers), 0)])
    finally:
        publisher.close()
