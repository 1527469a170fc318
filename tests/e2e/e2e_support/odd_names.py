"""A publisher that no library helps: a header's name that is not UTF-8, which brokers take."""

from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy


class _Odd(str):
    __slots__ = ()

    def encode(self, *_: str) -> bytes:  # type: ignore[override]
        return b"x-\xff\xfe"


async def publish_with_odd_name(kafka: str, topic: str, values: list[bytes], *, last: bytes) -> None:
    """These values under such a name, and `last` without, in one batch of partition 0."""
    producer: Any = AIOKafkaProducer(bootstrap_servers=kafka)
    await producer.start()
    try:
        batch = producer.create_batch()
        batch._builder = _DefaultRecordBatchBuilderPy(2, 0, 0, -1, -1, -1, 1_000_000)
        for value in values:
            batch.append(key=b"k", value=value, timestamp=None, headers=[(_Odd("x"), b"v"), ("after", b"it")])
        batch.append(key=b"k", value=last, timestamp=None, headers=[])
        batch.close()
        await (await producer.send_batch(batch, topic, partition=0))
    finally:
        await producer.stop()
