"""What a turn decides, input by input, each with where it came from."""

from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeAlias, TypeVar

import msgspec
from msgspec import Struct

from backorder_runtime.bundle import Item, is_bundle, unpack
from backorder_runtime.handler import Arrived
from backorder_runtime.record import Record, Timer
from backorder_runtime.store import Kept

E = TypeVar("E")


class Unpacked:
    """The messages of a bundle as records, which are made when somebody asks: of most inputs nobody ever does."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self._messages: list[Record] | None = None

    @property
    def timestamp_ms(self) -> int:
        """When its record was written."""
        return self._record.timestamp_ms

    def __getitem__(self, index: int) -> Record:
        if self._messages is None:
            self._messages = list(unpack(self._record))
        return self._messages[index]


class Input(Struct, Generic[E], gc=False):
    """An input with the record, the message of a bundle or the timer that it came from, and the trace it goes on with.

    What was `kept` for a parked lane is for that one.
    """

    arrived: Arrived[E]
    source: Record | Unpacked | None
    trace: str | None = None
    index: int = 0
    kept: Kept | None = None
    timer: Timer | None = None

    @property
    def record(self) -> Record | None:
        """The record that it came from, as if it had been sent alone; None of a timer."""
        return self.source[self.index] if isinstance(self.source, Unpacked) else self.source

    @property
    def written_ms(self) -> int | None:
        """When what it came from was written; None of a timer."""
        return None if self.source is None else self.source.timestamp_ms


class Reader(Generic[E]):
    """Reads a topic whose messages are all of one type, which may be a union; `understand` says what one says to us."""

    def __init__(self, message: object, understand: Callable[[Any], Arrived[E]]) -> None:
        self._understand = understand
        self._decode = msgspec.json.Decoder(message).decode
        self._decode_all = msgspec.json.Decoder(list[Item[message]]).decode  # type: ignore[valid-type]

    def one(self, value: bytes) -> Arrived[E]:
        """What one message says. Raises msgspec.DecodeError."""
        return self._understand(self._decode(value))

    def at_once(self, record: Record) -> list[Input[E]] | None:
        """The inputs of a bundle, read in one pass.

        None when it is no bundle, or not all of it can be read: then its messages are looked at one by one.
        """
        if not is_bundle(record):
            return None
        source = Unpacked(record)
        try:
            items = enumerate(self._decode_all(record.value or b""))
            return [Input(self._understand(item.message), source, item.trace, index) for index, item in items]
        except Exception:  # noqa: BLE001 - which message it was is found out when they are looked at one by one
            return None


Readers: TypeAlias = Mapping[str, Reader[Any]]
"""By topic."""


def at_once(readers: Readers, record: Record) -> list[Input[Any]] | None:
    """The inputs of a record, read in one pass. None when its topic has no reader, or its reader cannot."""
    reader = readers.get(record.topic)
    return reader.at_once(record) if reader is not None else None
