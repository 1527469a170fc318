"""What a batch decided about, written down so that it can be decided again: order, times, policies; not the inputs."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from msgspec import Struct

from backorder_contracts.internal import Origin
from priority_router.domain.events import TimerRang
from priority_router.domain.order import BackOrder
from priority_router.inputs import TOPICS


class Run(Struct, frozen=True, array_like=True, tag=0):
    """`count` records of a topic of `TOPICS`, one after the other, from offset `first`."""

    topic: int
    first: int
    count: int


class Rang(Struct, frozen=True, array_like=True, tag=1):
    """A timer of a lane rang."""

    lane: str
    key: str
    due_at: datetime


class Took(Struct, frozen=True, array_like=True, tag=2):
    """A lane took over a policy."""

    lane: str
    version: str


class Part(Struct, frozen=True, array_like=True, tag=3):
    """`count` messages of one bundle, which is the record at `offset` of a topic, one after the other."""

    topic: int
    offset: int
    first: int
    count: int


Step = Run | Rang | Took | Part


class Entry(Struct, frozen=True, array_like=True):
    """One batch: its steps in their order, and what they found besides the queues as the batch before left them.

    `born` are lanes that had no queue yet, with the policy they began under; `found` are back orders that had ended
    and were looked up.
    """

    steps: tuple[Step, ...]
    born: dict[str, str]
    found: tuple[tuple[str, BackOrder], ...]


_encode = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(Entry)


class Journal:
    """Collects the entry of the batch at hand."""

    def __init__(self) -> None:
        self._steps: list[Step] = []
        self.born: dict[str, str] = {}
        self.found: list[tuple[str, BackOrder]] = []

    def record(self, origin: Origin, index: int | None) -> None:
        """The record at this place, or this message of it, was decided about next."""
        topic = TOPICS.index(origin.topic)
        last = self._steps[-1] if self._steps else None
        if index is not None:
            self._message(topic, origin.offset, index, last)
        elif isinstance(last, Run) and last.topic == topic and last.first + last.count == origin.offset:
            self._steps[-1] = Run(topic, last.first, last.count + 1)
        else:
            self._steps.append(Run(topic, origin.offset, 1))

    def _message(self, topic: int, offset: int, index: int, last: Step | None) -> None:
        if isinstance(last, Part) and (last.topic, last.offset, last.first + last.count) == (topic, offset, index):
            self._steps[-1] = Part(topic, offset, last.first, last.count + 1)
        else:
            self._steps.append(Part(topic, offset, index, 1))

    def rang(self, lane: str, timer: TimerRang) -> None:
        """A timer was decided about next."""
        self._steps.append(Rang(lane, timer.key, timer.at))

    def took(self, lane: str, version: str) -> None:
        """A lane took over a policy next."""
        self._steps.append(Took(lane, version))

    def close(self) -> bytes | None:
        """The entry, None when nothing was decided; the next batch begins empty."""
        entry = Entry(tuple(self._steps), self.born, tuple(self.found)) if self._steps else None
        encoded = None if entry is None else _encode(entry)
        self._steps, self.born, self.found = [], {}, []
        return encoded


def decode(entry: bytes) -> Entry:
    """An entry as it was stored."""
    return _decoder.decode(entry)


def offsets(entries: Sequence[Entry]) -> dict[str, int]:
    """The first offset that the entries need of each topic."""
    first: dict[str, int] = {}
    for entry in entries:
        for step in entry.steps:
            if isinstance(step, Run | Part):
                topic, offset = TOPICS[step.topic], step.first if isinstance(step, Run) else step.offset
                first[topic] = min(offset, first.get(topic, offset))
    return first
