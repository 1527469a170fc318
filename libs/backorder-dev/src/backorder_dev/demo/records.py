"""What the demo publishes and what it hears: plain values, no client library."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Headers = tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class Publication:
    """A record that an upstream system publishes.

    Attributes:
        topic: where to.
        key: what keeps records in order that belong together.
        value: the record's value, as it is sent.
        headers: as they are sent.
        data: what the value says, without its envelope; None when nothing can be read from it.
        cause_id: the identity by which events name this record as their cause.
        refused: the reason by which it must land in a dead letter; None when it must have its effect.
        service: whose dead letter that is.
    """

    topic: str
    key: str
    value: bytes
    headers: Headers = ()
    data: dict[str, Any] | None = None
    cause_id: str = ""
    refused: str | None = None
    service: str = ""


@dataclass(frozen=True, slots=True)
class Sent:
    """A record that the broker has taken.

    Attributes:
        record: what was sent.
        partition: where it stands.
        offset: where it stands.
        at: when it was sent, in seconds since the epoch.
    """

    record: Publication
    partition: int
    offset: int
    at: float


@dataclass(frozen=True, slots=True)
class Event:
    """A record that a service has published.

    Attributes:
        topic: where it stands.
        partition: where it stands.
        offset: where it stands.
        type: its `ce_type`; "" on a dead letter that came without one.
        id: its `ce_id`; "" likewise.
        key: its key as text.
        data: its value; empty when that is no JSON object (a dead letter), None for a tombstone.
        seen_at: when the demo saw it, in seconds since the epoch.
        letter: the `dlq-` headers of a dead letter, without that prefix.
    """

    topic: str
    partition: int
    offset: int
    type: str
    id: str
    key: str
    data: dict[str, Any] | None
    seen_at: float
    letter: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail or a push message as it lies in its folder.

    Attributes:
        name: of the file.
        id: the Message-ID, or the idempotency key.
        to: the address, or the path of the URL.
    """

    name: str
    id: str
    to: str


@dataclass(slots=True)
class Evidence:
    """All that the verdict rests on.

    Attributes:
        sent: what upstream published, in order.
        events: what the services published, in order per partition, repetitions included.
        customers: everybody who may order.
        contacts: customer → the channels by which they want to hear (`email`, `push`) → the address.
        mails: what lies in the mailbox.
        pushes: what was pushed.
        lags: group and topic → records that are not processed yet.
        short_picks: lane → units that the warehouse was told to ship and did not have.
    """

    sent: list[Sent] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    customers: set[str] = field(default_factory=set)
    contacts: dict[str, dict[str, str]] = field(default_factory=dict)
    mails: list[Letter] = field(default_factory=list)
    pushes: list[Letter] = field(default_factory=list)
    lags: dict[str, int] = field(default_factory=dict)
    short_picks: dict[str, int] = field(default_factory=dict)
