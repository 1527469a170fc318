"""How our services' messages travel: all that one step says to one partition is one record.

What a record costs (the client, the broker, headers, a place in the log) is then paid once for a batch, not for
each message. Only internal topics are written so: what is public keeps one record for each event.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import msgspec
from aiokafka.partitioner import murmur2
from msgspec import Raw, Struct

from backorder_runtime.record import Message, Record

TYPE = "bundle"
_MOST_MESSAGES = 500
_MOST_BYTES = 500_000


class Item(Struct, frozen=True, array_like=True, gc=False):
    """One message of a bundle: its lane, its type, the trace it goes on with, and what it says."""

    key: str
    type: str
    trace: str | None
    message: Raw


class Bundle(NamedTuple):
    """The messages of one record; `value` is what is sent."""

    topic: str
    partition: int
    value: bytes


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(list[Item]).decode


@lru_cache(maxsize=200_000)
def partition_of(key: str, partitions: int) -> int:
    """The partition of a key, as every client of these topics finds it."""
    return int((murmur2(key.encode()) & 0x7FFFFFFF) % partitions)


class Bundler:
    """Collects messages by topic and partition, in the order in which they are added."""

    def __init__(self, partitions: int) -> None:
        self._partitions = partitions
        self._open: dict[tuple[str, int], list[Item]] = {}
        self._sizes: dict[tuple[str, int], int] = {}
        self._full: list[Bundle] = []

    def add(self, message: Message, trace: str | None) -> None:
        """Put a message into its bundle, or into the bundle of every partition."""
        item = Item(message.key, message.type, trace, Raw(message.value or b"null"))
        if message.everywhere:
            for partition in range(self._partitions):
                self._put((message.topic, partition), item)
        else:
            self._put((message.topic, partition_of(message.key, self._partitions)), item)

    def _put(self, place: tuple[str, int], item: Item) -> None:
        items = self._open.get(place)
        if items is None:
            items = self._open[place] = []
            self._sizes[place] = 0
        items.append(item)
        self._sizes[place] += len(memoryview(item.message))
        if len(items) >= _MOST_MESSAGES or self._sizes[place] >= _MOST_BYTES:
            self._full.append(_closed(place, self._open.pop(place)))

    def take(self) -> list[Bundle]:
        """The bundles so far; those of one place in order."""
        bundles = self._full + [_closed(place, items) for place, items in self._open.items()]
        self._open, self._full = {}, []
        return bundles


def _closed(place: tuple[str, int], items: list[Item]) -> Bundle:
    return Bundle(*place, _encode(items))


def unpack(record: Record) -> Iterator[Record]:
    """The messages of a bundle, each as if it had been sent alone; another record as it is.

    Raises:
        msgspec.DecodeError: the bundle cannot be read.
    """
    if record.header("ce_type") != TYPE:
        yield record
        return
    for index, item in enumerate(_decode(record.value or b"")):
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
