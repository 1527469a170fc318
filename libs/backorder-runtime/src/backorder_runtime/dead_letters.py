"""Dead letters: the refused record untouched, plus text headers that say where it stood and why it was refused."""

import asyncio
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from datetime import datetime

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaTimeoutError, OffsetOutOfRangeError
from aiokafka.structs import ConsumerRecord

from backorder_contracts.internal import Origin
from backorder_contracts.refusal import one_line
from backorder_contracts.topics import TOPICS, dead_letter
from backorder_runtime.consumer import first_and_end, to_record
from backorder_runtime.outbox import Letter, Wire, rfc3339
from backorder_runtime.record import Headers, Record
from backorder_runtime.settings import KafkaSettings, aiokafka_options

Copy = tuple[bytes | None, bytes | None, Headers]
NOTHING: Copy = (None, None, ())
_FETCH = 256 * 1024  # bytes at most that a fetch brings beside what is wanted of it
_PORTION = 1024 * 1024
_WAIT_MS, _WAITS = 500, 60
_OWN_HEADERS = 8 * 1024  # more than the `dlq-` headers and the frame of a record ever take


def letter_for(record: Record, reason: str, detail: str) -> Letter:
    """The dead letter of a record that is at hand."""
    return Letter(record.origin, reason, detail, copy_of(record))


def copy_of(record: Record) -> Copy:
    """A record untouched: key, value and headers."""
    return record.key, record.value, record.headers


def without_record(letter: Letter, why: str) -> Letter:
    """The dead letter of a record that is gone, and was not copied before."""
    return Letter(letter.origin, letter.reason, one_line(f"{letter.detail}; {why}"), NOTHING)


def wire(service: str, letter: Letter, copy: Copy | None, at: datetime) -> Wire:
    """The dead letter as it is sent. Repeating it is recognisable by topic, partition and offset.

    A record that no dead letter can hold, because it only came through compressed, is left at its origin, which
    the letter names: it must not stop the others. Of one that is gone, without a `copy`, the letter says so.
    """
    topic = dead_letter(service)
    if copy is None:
        letter, copy = without_record(letter, "its topic no longer has the record"), NOTHING
    left = _that_fits(copy, _room(service))
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


def fits_a_letter(service: str, copy: Copy) -> bool:
    """Whether a dead letter holds all of the record."""
    return _size(copy) <= _room(service)


def _room(service: str) -> int:
    return (TOPICS[dead_letter(service)].max_message_bytes or 1_000_000) - _OWN_HEADERS


def _that_fits(copy: Copy, most: int) -> Copy:
    """All of the record, or all but its value, or nothing."""
    key, _, headers = copy
    return next((part for part in (copy, (key, None, headers)) if _size(part) <= most), NOTHING)


def _size(copy: Copy) -> int:
    key, value, headers = copy
    named = sum(len(name.encode()) + len(text or b"") + 16 for name, text in headers)
    return len(key or b"") + len(value or b"") + named


class OriginReader:
    """Reads refused records again from where they stand. It opens late: refusals found after intake are rare.

    They may all the same be many at once, so what it costs is by fetch and not by record.
    """

    def __init__(self, kafka: KafkaSettings) -> None:
        self._kafka = kafka
        self._consumer: AIOKafkaConsumer | None = None
        self._one_at_a_time = asyncio.Lock()

    async def read(self, origins: Iterable[Origin]) -> dict[Origin, Copy | None]:
        """The records at the first of these origins, by topic, partition and offset: as many as are a megabyte.

        None for one that its topic no longer has.
        """
        # the relays of all shards share the consumer, and an assignment takes the place of the one before
        async with self._one_at_a_time:
            try:
                return await self._read(sorted(origins, key=_where))
            except BaseException:
                await self.close()  # it may be half open, and would be so for every later read
                raise

    async def _read(self, origins: Sequence[Origin]) -> dict[Origin, Copy | None]:
        consumer = await self._open()
        wanted: defaultdict[TopicPartition, deque[int]] = defaultdict(deque)
        for origin in origins:
            wanted[TopicPartition(origin.topic, origin.partition)].append(origin.offset)
        consumer.assign([*wanted])
        consumer.pause(*wanted)
        for place, offsets in wanted.items():
            consumer.seek(place, offsets[0])  # or the client would look for a place of its own
        logs = await first_and_end(consumer, [*wanted])
        portion = _Portion()
        for place, offsets in wanted.items():
            await _take(consumer, place, offsets, logs[place], portion)
            if portion.is_full:
                break
        return portion.copies

    async def _open(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            self._consumer = AIOKafkaConsumer(
                **aiokafka_options(self._kafka),
                auto_offset_reset="none",
                enable_auto_commit=False,
                max_partition_fetch_bytes=_FETCH,
            )
            await self._consumer.start()
        return self._consumer

    async def close(self) -> None:
        """Let go of the connection, if there is one."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await consumer.stop()


class _Portion:
    """What was found, until that is much."""

    def __init__(self) -> None:
        self.copies: dict[Origin, Copy | None] = {}
        self.is_full = False
        self._bytes = 0

    def put(self, place: TopicPartition, offset: int, copy: Copy | None) -> None:
        self.copies[Origin(place.topic, place.partition, offset)] = copy
        self._bytes += 0 if copy is None else _size(copy)
        self.is_full = self._bytes >= _PORTION


async def _take(
    consumer: AIOKafkaConsumer, place: TopicPartition, offsets: deque[int], log: tuple[int, int], portion: _Portion
) -> None:
    """Put the records at these offsets, which grow, into the portion, until it is full."""
    first, end = log
    position = -1
    while offsets and not portion.is_full:
        if not first <= offsets[0] < end:
            portion.put(place, offsets.popleft(), None)
            continue
        # a fetch brings what stands next to each other; over what nobody wants it is led
        if offsets[0] != position:
            consumer.seek(place, offsets[0])
        consumer.resume(place)
        try:
            fetched, position = await _fetch(consumer, place)
        except OffsetOutOfRangeError:  # its topic has let it go since
            portion.put(place, offsets.popleft(), None)
            position = -1
            continue
        finally:
            consumer.pause(place)  # nothing is fetched ahead: it may be led elsewhere
        _pick(fetched, place, offsets, portion)
        while offsets and offsets[0] < position and not portion.is_full:
            portion.put(place, offsets.popleft(), None)


def _pick(fetched: Iterable[ConsumerRecord], place: TopicPartition, offsets: deque[int], portion: _Portion) -> None:
    for record in fetched:
        while offsets and offsets[0] < record.offset:
            portion.put(place, offsets.popleft(), None)
        if not offsets or portion.is_full:
            return
        if offsets[0] == record.offset:
            portion.put(place, offsets.popleft(), copy_of(to_record(record)))


async def _fetch(consumer: AIOKafkaConsumer, place: TopicPartition) -> tuple[Sequence[ConsumerRecord], int]:
    """What stands next in a partition, and where that ends; nothing when only the client's own records stood there."""
    began = await consumer.position(place)
    for _ in range(_WAITS):
        fetched = await consumer.getmany(place, timeout_ms=_WAIT_MS)
        position = await consumer.position(place)
        if position != began:
            return fetched.get(place, ()), position
    raise KafkaTimeoutError(f"nothing comes of {place.topic}[{place.partition}] from {began} on, which it has")


def _where(origin: Origin) -> tuple[str, int, int]:
    return origin.topic, origin.partition, origin.offset
