"""How our services' messages travel: all that one step says to one partition is one record.

What a record costs (the client, the broker, headers, a place in the log) is then paid once for a batch, not for
each message. Only internal topics are written so: what is public keeps one record for each event.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Generic, TypeVar

import msgspec
from aiokafka.partitioner import murmur2
from msgspec import Raw, Struct

from backorder_runtime.outbox import Event
from backorder_runtime.record import Headers, Message, Record

TYPE = "bundle"
_MOST_MESSAGES = 500
_MOST_BYTES = 500_000
M = TypeVar("M")


class Item(Struct, Generic[M], frozen=True, array_like=True, gc=False):
    """One message of a bundle: its lane, its type, the trace it goes on with, and what it says."""

    key: str
    type: str
    trace: str | None
    message: M


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(list[Item[Raw]]).decode


@lru_cache(maxsize=200_000)
def partition_of(key: str, partitions: int) -> int:
    """The partition of a key, as every client of these topics finds it."""
    return int((murmur2(key.encode()) & 0x7FFFFFFF) % partitions)


class Bundler:
    """Collects messages by topic and partition, in the order in which they are added."""

    def __init__(self, partitions: int) -> None:
        self._partitions = partitions
        self._open: dict[tuple[str, int], _Open] = {}
        self._full: list[Event] = []

    def add(self, message: Message, trace: str | None) -> None:
        """Put a message into its bundle, or into the bundle of every partition."""
        value = message.value or b"null"
        item = Item(message.key, message.type, trace, Raw(value))
        if message.everywhere:
            for partition in range(self._partitions):
                self._put((message.topic, partition), item, len(value))
        else:
            self._put((message.topic, partition_of(message.key, self._partitions)), item, len(value))

    def _put(self, place: tuple[str, int], item: Item[Raw], size: int) -> None:
        bundle = self._open.get(place)
        if bundle is None:
            bundle = self._open[place] = _Open()
        bundle.items.append(item)
        bundle.size += size
        if len(bundle.items) >= _MOST_MESSAGES or bundle.size >= _MOST_BYTES:
            self._full.append(_event(place, self._open.pop(place)))

    def take(self) -> list[Event]:
        """The bundles so far, to be published; those of one place in order."""
        bundles = [*self._full, *(_event(place, bundle) for place, bundle in self._open.items())]
        self._open, self._full = {}, []
        return bundles


class _Open(Struct):
    """A bundle that takes more; `size` in bytes."""

    items: list[Item[Raw]] = []
    size: int = 0


def _event(place: tuple[str, int], bundle: _Open) -> Event:
    topic, partition = place
    return Event(topic, None, TYPE, _encode(bundle.items), None, None, partition)


def is_bundle(record: Record) -> bool:
    """Whether a record has messages in it, and is none itself."""
    return record.header("ce_type") == TYPE


def unpack(record: Record) -> Iterator[Record]:
    """The messages of a bundle, each as if it had been sent alone; another record as it is.

    Raises:
        msgspec.DecodeError: the bundle cannot be read.
    """
    if not is_bundle(record):
        yield record
        return
    said: tuple[str, str | None] | None = None
    headers: Headers = ()
    for index, item in enumerate(_decode(record.value or b"")):
        if said != (item.type, item.trace):  # the lines of one order share them
            said = item.type, item.trace
            headers = (("ce_type", item.type.encode()), ("traceparent", item.trace.encode() if item.trace else None))
        yield Record(
            record.topic,
            record.partition,
            record.offset,
            item.key.encode(),
            bytes(item.message),
            headers,
            record.timestamp_ms,
            index,
        )


def lanes_of(value: bytes | None) -> list[str]:
    """The lanes that a bundle has messages for. Raises msgspec.DecodeError when it is no bundle."""
    return [item.key for item in _decode(value or b"[]")]
