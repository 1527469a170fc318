"""Dead letters as they stand on their topics: the record that was refused, and what was added to it."""

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import blake2b
from typing import Any, Self

from aiokafka import AIOKafkaConsumer, TopicPartition
from pydantic import ValidationError

from backorder_contracts.dead_letter import DeadLetterHeaders
from backorder_contracts.internal import Origin
from backorder_contracts.refusal import Reason
from backorder_contracts.topics import TOPICS, dead_letter
from backorder_runtime.command_line import CannotDo
from backorder_runtime.consumer import first_and_end, started, to_record
from backorder_runtime.record import Headers, Record
from backorder_runtime.settings import KafkaSettings, aiokafka_options

REPLAY_OF = "dlq-replay-of"
"""The header of a record that was published again: the letter that it was copied from."""

Identity = tuple[str, Origin, str]

_SUFFIX = ".dead-letter"
_ADDED = ("dlq-topic", "dlq-partition", "dlq-offset", "dlq-reason", "dlq-detail", "dlq-at")
_SEQUENCE = "ce_sequence"


@dataclass(frozen=True, slots=True)
class StoredLetter:
    """A dead letter. `key`, `value` and `headers` are those of the refused record; `offset` is the letter's own.

    `digest` is one of key and value: a bundle of messages is one record, and several of them may be refused.
    `has_copy` is whether the record is in the letter whole: what was too large for it is not.
    """

    service: str
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    why: DeadLetterHeaders
    size: int
    digest: str
    has_copy: bool

    @property
    def id(self) -> str:
        """How people name it."""
        return f"{self.service}/{self.offset}"

    @property
    def origin(self) -> Origin:
        """Where the refused record stood."""
        return Origin(self.why.topic, self.why.partition, self.why.offset)

    @property
    def identity(self) -> "Identity":
        """What it is known by, however often it was sent."""
        return self.service, self.origin, self.digest

    @property
    def small(self) -> "StoredLetter":
        """The same without the record, to keep thousands of."""
        return replace(self, key=None, value=None, headers=())


def services() -> list[str]:
    """The services that have dead letters."""
    return [name.removesuffix(_SUFFIX) for name in TOPICS if name.endswith(_SUFFIX)]


def is_input(topic: str) -> bool:
    """Whether publishing a record of this topic twice is harmless by contract: each input has an identity."""
    return topic in TOPICS and TOPICS[topic].direction == "in"


def read_letter(service: str, record: Record) -> StoredLetter | None:
    """The letter that a record of a dead-letter topic is; None when somebody put something else there."""
    original, added = record.headers[: -len(_ADDED)], record.headers[-len(_ADDED) :]
    if tuple(name for name, _ in added) != _ADDED:
        return None
    try:
        why = DeadLetterHeaders.read([(name, value or b"") for name, value in added])
    except ValidationError:
        return None
    key, value = record.key or b"", record.value or b""
    digest = blake2b(b"%d %s%s" % (len(key), key, value), digest_size=8).hexdigest()
    # a record that really had no value was refused for that
    has_copy = record.value is not None or why.reason == Reason.EMPTY
    return StoredLetter(
        service, record.offset, record.key, record.value, original, why, len(key + value), digest, has_copy
    )


def headers_again(letter: StoredLetter, headers: Headers) -> Headers:
    """The headers of the record when it is published again.

    Between our own services a number says which records are repetitions: one that was passed over would be
    taken for one, so it goes without.
    """
    dropped = {REPLAY_OF} if is_input(letter.why.topic) else {REPLAY_OF, _SEQUENCE}
    kept = tuple(header for header in headers if header[0] not in dropped)
    return (*kept, (REPLAY_OF, letter.id.encode()))


class LetterReader:
    """Reads dead-letter topics from a moment or an offset on. Used as a context; joins no group."""

    def __init__(self, kafka: KafkaSettings) -> None:
        self._kafka = kafka
        self._consumer: Any = None
        self.strangers = 0  # records that are no dead letters

    async def __aenter__(self) -> Self:
        self._consumer = AIOKafkaConsumer(
            **aiokafka_options(self._kafka),
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=4 * 1024 * 1024,
            fetch_max_wait_ms=50,
        )
        await started(self._consumer)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._consumer.stop()

    async def read(
        self, service: str, *, since: datetime | None = None, offsets: range | None = None
    ) -> AsyncIterator[StoredLetter]:
        """The letters that stand there now: none before `since` is left out, some before may come too.

        Raises `CannotDo`.
        """
        place = TopicPartition(dead_letter(service), 0)
        first, end = (await self._ends([place]))[place]
        if offsets is not None:
            first, end = max(first, offsets.start), min(end, offsets.stop)
        elif since is not None:
            # a letter is written after its record was refused
            found = (await self._consumer.offsets_for_times({place: int(since.timestamp() * 1000)}))[place]
            first = end if found is None else max(first, found.offset)
        async for record in records(self._consumer, place, first, end):
            letter = read_letter(service, record)
            if letter is None:
                self.strangers += 1
            else:
                yield letter

    async def _ends(self, places: Sequence[TopicPartition]) -> dict[TopicPartition, tuple[int, int]]:
        await need_topics(self._consumer, [place.topic for place in places])
        self._consumer.assign(list(places))
        return await first_and_end(self._consumer, places)


async def need_topics(consumer: Any, names: Iterable[str]) -> None:
    """Raise `CannotDo` unless all of them exist."""
    known = await consumer.topics()
    if missing := [name for name in names if name not in known]:
        raise CannotDo(
            f"there is no topic {', '.join(missing)}, or this user may not see it: run `backorder topics create`, "
            "or use a user that may"
        )


async def records(consumer: Any, place: TopicPartition, first: int, end: int) -> AsyncIterator[Record]:
    """The records of a partition from one offset to another; the consumer has the partition assigned."""
    consumer.seek(place, first)
    position = first
    while position < end:
        for items in (await consumer.getmany(place, timeout_ms=200)).values():
            for item in items:
                if item.offset < end:
                    yield to_record(item)
        position = await consumer.position(place)
