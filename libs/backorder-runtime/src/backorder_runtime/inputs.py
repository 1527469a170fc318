"""What a turn decides, input by input, each with where it came from."""

from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeAlias, TypeVar

from msgspec import Struct

from backorder_runtime.bundle import Reader, unpack
from backorder_runtime.handler import Arrived
from backorder_runtime.record import Record, Timer
from backorder_runtime.store import Kept

E = TypeVar("E")


class Unpacked:
    """The messages of a bundle as records, which are made when somebody asks: of most inputs nobody ever does."""

    def __init__(self, record: Record) -> None:
        self.topic = record.topic
        self._record = record
        self._messages: list[Record] | None = None

    def __getitem__(self, index: int) -> Record:
        if self._messages is None:
            self._messages = list(unpack(self._record))
        return self._messages[index]


class Input(Struct, Generic[E], gc=False):
    """An input with the record, the message of a bundle or the timer that it came from, and the trace it goes on with.

    What was `kept` for a parked lane is for that one. It is not `understood` when nobody can tell which lanes it names.
    """

    arrived: Arrived[E]
    source: Record | Unpacked | None
    trace: str | None = None
    index: int = 0
    kept: Kept | None = None
    timer: Timer | None = None
    understood: bool = True

    @property
    def topic(self) -> str | None:
        """The topic that it was read from; None of a timer."""
        return self.source.topic if self.source is not None else None

    @property
    def record(self) -> Record | None:
        """The record that it came from, as if it had been sent alone; None of a timer."""
        return self.source[self.index] if isinstance(self.source, Unpacked) else self.source


Bundles: TypeAlias = Mapping[str, tuple[Reader, Callable[[Any], Arrived[Any]]]]
"""By topic: how its bundles are read in one pass, and what a message of theirs says to us."""


def at_once(bundles: Bundles, record: Record) -> list[Input[Any]] | None:
    """The inputs of a bundle, read in one pass.

    None when its topic is not read so, or when not all of it can be: then its messages are looked at one by one.
    """
    if record.topic not in bundles:
        return None
    read, understand = bundles[record.topic]
    try:
        if (items := read(record)) is None:
            return None
        source = Unpacked(record)
        return [Input(understand(item.message), source, item.trace, index) for index, item in enumerate(items)]
    except Exception:  # noqa: BLE001 - which message it was is found out when they are looked at one by one
        return None
