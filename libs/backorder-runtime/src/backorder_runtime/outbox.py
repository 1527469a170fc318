"""What a shard has decided to publish: one database row per batch, numbered without gaps.

The sequence is taken under the shard's row lock, so the order of numbers is the order of commits. An
event's `ce_id` is its (service, shard, sequence): a repeated event is recognisable and identical.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias

import msgspec
from msgspec import Struct

from backorder_contracts.internal import Origin
from backorder_contracts.topics import TOPICS
from backorder_runtime.record import Headers


class Event(Struct, frozen=True, array_like=True, tag_field="_", tag="e"):
    """An event to publish; its headers follow from its place in the outbox. Without `partition` its key decides."""

    topic: str
    key: str | None
    type: str
    value: bytes | None
    subject: str | None
    trace: str | None
    partition: int | None = None


class Letter(Struct, frozen=True, array_like=True, tag_field="_", tag="d"):
    """A record to put into the dead letters. Without `copy` it is read again from its origin."""

    origin: Origin
    reason: str
    detail: str
    copy: tuple[bytes | None, bytes | None, Headers] | None


Entry: TypeAlias = Event | Letter


@dataclass(frozen=True, slots=True)
class OutboxBatch:
    """The entries of one committed batch; the first has number `first_sequence`."""

    first_sequence: int
    decided_at: datetime
    entries: Sequence[Entry]

    @property
    def last_sequence(self) -> int:
        """The number of the last entry."""
        return self.first_sequence + len(self.entries) - 1

    def payload(self) -> bytes:
        """The row's bytes."""
        return _encoder.encode(self.entries)

    @staticmethod
    def of(first_sequence: int, decided_at: datetime, payload: bytes) -> "OutboxBatch":
        """A batch as it was stored."""
        return OutboxBatch(first_sequence, decided_at, _decoder.decode(payload))


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[Entry])


@dataclass(frozen=True, slots=True)
class Wire:
    """A record as the producer sends it; `partition` None leaves the choice to the key."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers
    partition: int | None = None


def source_of(service: str, shard: int | str) -> str:
    """The `ce_source` of one publisher's events."""
    return f"/backorder/{service}/{shard}"


class Stamp:
    """Writes the headers of one publisher's events: the service's, or one shard's of it."""

    def __init__(self, service: str, shard: int | str) -> None:
        self._prefix = f"{service}.{shard}."
        self._source = ("ce_source", source_of(service, shard).encode())

    def wire(self, event: Event, sequence: int | str, time: bytes) -> Wire:
        """An event as it is sent; `time` as `rfc3339` writes it."""
        key = None if event.key is None else event.key.encode()
        return Wire(event.topic, key, event.value, self.headers(event, sequence, time), event.partition)

    def headers(self, event: Event, sequence: int | str, time: bytes) -> Headers:
        """The CloudEvents attributes of an event in binary mode; `time` as `rfc3339` writes it."""
        headers = [
            _SPECVERSION,
            ("ce_id", f"{self._prefix}{sequence}".encode()),
            self._source,
            ("ce_type", event.type.encode()),
            ("ce_time", time),
            ("ce_sequence", str(sequence).encode()),
        ]
        if event.subject is not None:
            headers.append(("ce_subject", event.subject.encode()))
        if event.trace is not None:
            headers.append(("traceparent", event.trace.encode()))
        headers.append(_CONTENT_TYPE)
        return tuple(headers)


_SPECVERSION = ("ce_specversion", b"1.0")
_CONTENT_TYPE = ("content-type", b"application/json")


def rfc3339(at: datetime) -> str:
    """A time as it is published: UTC with Z, microseconds at most."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def is_public(event: Event) -> bool:
    """Whether people outside see this event; such events are confirmed before the others are sent."""
    return TOPICS[event.topic].is_public
