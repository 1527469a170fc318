r"""Lets aiokafka read records whose header names are not UTF-8.

The protocol says that a header's name is text, but brokers take any bytes, and aiokafka gives up the whole
partition at the first that is not UTF-8: one record would stop all that come after it. A batch with such a name
is read here by aiokafka's own parser in Python, with the odd bytes written `\xff`. The producer cannot
send such a name as it was, so this is how it stands in a dead letter too.
"""

from collections.abc import Iterator
from struct import unpack_from
from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords

_BEFORE_BATCH = 12  # base offset, and the length of what follows


def install() -> None:
    """Have every consumer of this process read such records."""
    fetcher.MemoryRecords = _Records


class _Records:
    """The batches of one fetched partition. What aiokafka can read, its fast parser reads."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._batches: Any = MemoryRecords(data)
        self._start = 0

    def size_in_bytes(self) -> int:
        return int(self._batches.size_in_bytes())

    def has_next(self) -> bool:
        return bool(self._batches.has_next())

    def next_batch(self) -> "_Batch":
        start = self._start
        self._start += _BEFORE_BATCH + unpack_from(">i", self._data, start + 8)[0]
        return _Batch(self._batches.next_batch(), memoryview(self._data)[start : self._start])


class _Batch:
    """A batch that is read again, slowly, when its header names cannot be read."""

    def __init__(self, batch: Any, data: memoryview) -> None:
        self._batch = batch
        self._data = data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __next__(self) -> Any:
        return next(self._batch)

    def __iter__(self) -> Iterator[Any]:
        try:
            yield from self._batch
        except UnicodeDecodeError:
            yield from _LenientBatch(self._data)  # from its beginning: the fetcher skips what it has had


class _LenientBatch(_DefaultRecordBatchPy):  # type: ignore[misc]
    def _maybe_uncompress(self) -> None:
        super()._maybe_uncompress()
        self._buffer: bytearray = _LenientText(self._buffer)


class _LenientText(bytearray):
    """Bytes whose parts are decoded without fail."""

    def __getitem__(self, place: Any) -> Any:
        found = super().__getitem__(place)
        return _LenientText(found) if isinstance(place, slice) else found

    def decode(self, encoding: str = "utf-8", errors: str = "backslashreplace") -> str:
        return super().decode(encoding, errors)
