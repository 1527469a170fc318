"""What comes from the broker, and what goes to it: plain values, no client library.

They are msgspec structs because several are made for every message.
"""

from collections.abc import Callable
from datetime import datetime

from msgspec import Struct

from backorder_contracts.internal import Origin

Headers = tuple[tuple[str, bytes | None], ...]


class Record(Struct, frozen=True, gc=False):
    """One record of a topic, as the broker delivered it.

    With an `index` it is that message of a bundle, which stands at its offset.
    """

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()
    timestamp_ms: int = 0
    index: int | None = None

    @property
    def origin(self) -> Origin:
        """Where this record stands."""
        return Origin(self.topic, self.partition, self.offset)

    def header(self, name: str) -> str | None:
        """The text of the first header of that name, or None; undecodable bytes are replaced."""
        for key, value in self.headers:
            if key == name and value is not None:
                return value.decode("utf-8", "replace")
        return None


class Message(Struct, frozen=True, gc=False):
    """One event to publish. The engine adds the CloudEvents headers, its sequence and the trace.

    `key` decides the partition; `everywhere` sends a copy to every partition of an internal topic instead.
    `value` None is a tombstone.
    """

    topic: str
    key: str
    type: str
    value: bytes | None
    subject: str | None = None
    everywhere: bool = False


class Latest(Struct, frozen=True):
    """A public event that tells how something in its lane stands now: a batch publishes the last of each type.

    `write` gives its value once the batch is decided, so what is replaced costs next to nothing.
    """

    topic: str
    lane: str
    type: str
    write: Callable[[], bytes]


class DeadLetter(Struct, frozen=True, gc=False):
    """A refusal found after intake: the record at `origin` goes to the service's dead letters, once."""

    origin: Origin
    reason: str
    detail: str


class SetTimer(Struct, frozen=True, gc=False):
    """Ring `key` of `lane` at `due_at`, instead of when it was set before; None takes it back."""

    lane: str
    key: str
    due_at: datetime | None


class Timer(Struct, frozen=True, gc=False):
    """A timer that has come due."""

    lane: str
    key: str
    due_at: datetime


Effect = Message | Latest | DeadLetter | SetTimer


def trace_id(traceparent: str | None) -> str | None:
    """The trace that W3C's header names: version-trace-parent-flags."""
    parts = (traceparent or "").split("-")
    return parts[1] if len(parts) > 1 else None
