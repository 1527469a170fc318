"""Dead letters: the refused record untouched, plus text headers that say where it stood and why it was refused."""

import asyncio
from datetime import datetime

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import OffsetOutOfRangeError

from backorder_contracts.internal import Origin
from backorder_contracts.refusal import one_line
from backorder_contracts.topics import TOPICS, dead_letter
from backorder_runtime.consumer import first_and_end, to_record
from backorder_runtime.outbox import Letter, Wire, rfc3339
from backorder_runtime.record import Headers, Record
from backorder_runtime.settings import KafkaSettings, aiokafka_options

Copy = tuple[bytes | None, bytes | None, Headers]
_OWN_HEADERS = 8 * 1024  # more than the `dlq-` headers and the frame of a record ever take


def letter_for(record: Record, reason: str, detail: str) -> Letter:
    """The dead letter of a record that is at hand."""
    return Letter(record.origin, reason, detail, copy_of(record))


def copy_of(record: Record) -> Copy:
    """A record untouched: key, value and headers."""
    return record.key, record.value, record.headers


def wire(service: str, letter: Letter, copy: Copy, at: datetime) -> Wire:
    """The dead letter as it is sent. Repeating it is recognisable by topic, partition and offset.

    A record that no dead letter can hold, because it only came through compressed, is left at its origin, which
    the letter names: it must not stop the others.
    """
    topic = dead_letter(service)
    left = _that_fits(copy, (TOPICS[topic].max_message_bytes or 1_000_000) - _OWN_HEADERS)
    if left != copy:
        detail = f"{letter.detail}; too large for a dead letter ({_size(copy)} bytes), it stands at its origin"
        letter = Letter(letter.origin, letter.reason, one_line(detail), None)
    key, value, headers = left
    reasons = (
        ("dlq-topic", letter.origin.topic),
        ("dlq-partition", str(letter.origin.partition)),
        ("dlq-offset", str(letter.origin.offset)),
        ("dlq-reason", letter.reason),
        ("dlq-detail", letter.detail),
        ("dlq-at", rfc3339(at)),
    )
    marked = (*headers, *((name, text.encode("utf-8", "replace")) for name, text in reasons))
    return Wire(topic, key, value, marked)


def _that_fits(copy: Copy, most: int) -> Copy:
    """All of the record, or all but its value, or nothing."""
    key, _, headers = copy
    return next((part for part in (copy, (key, None, headers)) if _size(part) <= most), (None, None, ()))


def _size(copy: Copy) -> int:
    key, value, headers = copy
    named = sum(len(name.encode()) + len(text or b"") + 16 for name, text in headers)
    return len(key or b"") + len(value or b"") + named


class OriginReader:
    """Reads records again from where they stand: refusals found after intake are rare, so it opens late."""

    def __init__(self, kafka: KafkaSettings) -> None:
        self._kafka = kafka
        self._consumer: AIOKafkaConsumer | None = None
        self._one_at_a_time = asyncio.Lock()

    async def read(self, origin: Origin) -> Copy:
        """The record at an origin; (None, None, ()) when the topic's retention has passed it."""
        # the relays of all shards share the consumer, and an assignment takes the place of the one before
        async with self._one_at_a_time:
            try:
                return await self._read(origin)
            except BaseException:
                await self.close()  # it may be half open, and would be so for every later read
                raise

    async def _read(self, origin: Origin) -> Copy:
        consumer = await self._open()
        place = TopicPartition(origin.topic, origin.partition)
        consumer.assign([place])
        first, end = (await first_and_end(consumer, [place]))[place]
        if not first <= origin.offset < end:
            return (None, None, ())
        consumer.seek(place, origin.offset)
        try:
            record = await consumer.getone(place)
        except OffsetOutOfRangeError:
            return (None, None, ())
        if record.offset != origin.offset:
            return (None, None, ())
        return copy_of(to_record(record))

    async def _open(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            self._consumer = AIOKafkaConsumer(
                **aiokafka_options(self._kafka), auto_offset_reset="none", enable_auto_commit=False
            )
            await self._consumer.start()
        return self._consumer

    async def close(self) -> None:
        """Let go of the connection, if there is one."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await consumer.stop()
