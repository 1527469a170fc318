"""What the queue reads: its records as inputs of the core, with only the fields it needs."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

import msgspec
from msgspec import Struct

from backorder_contracts import identity
from backorder_contracts.internal import Cause, CommandEntry, QueueEntry, UnitsHanded
from backorder_runtime.record import Record
from priority_router.domain.events import Event, Inbound, InboundSeen

TOPICS = ("back-order-queue", "supply", "queue-command")


@dataclass(frozen=True, slots=True)
class PolicyChanged:
    """The lane is to be ranked by the policy that is in force."""


@dataclass(frozen=True, slots=True)
class PutOff:
    """A timer has to wait for the next batch: this one is full."""

    key: str
    due_at: datetime


@dataclass(frozen=True, slots=True)
class WrongLane:
    """A command came to a lane that its back order is not in; `lane` is where it is."""

    command: CommandEntry
    lane: str


@dataclass(frozen=True, slots=True)
class Contested:
    """A command goes by a name under which another one was answered; `detail` says so to its publisher."""

    command: CommandEntry
    detail: str


Input: TypeAlias = Event | PolicyChanged | PutOff | WrongLane | Contested


class _Delivery(Struct, frozen=True):
    delivery_id: str
    open_quantity: int
    p50: datetime
    p90: datetime


class _Scheduled(Struct, frozen=True):
    part_id: str
    location_id: str
    deliveries: tuple[_Delivery, ...]
    cause: Cause


_entry = msgspec.json.Decoder(QueueEntry)
_command = msgspec.json.Decoder(CommandEntry)
_scheduled = msgspec.json.Decoder(_Scheduled)


def read(record: Record) -> tuple[str, Event] | None:
    """The lane and the input; None for what is no business of the queue.

    Raises `msgspec.DecodeError`, or ValueError when it is for no lane: such a queue could be neither loaded nor stored.
    """
    value = record.value or b""
    match record.topic:
        case "back-order-queue":
            return _lane((record.key or b"").decode()), _entry.decode(value)
        case "queue-command":
            return _lane((record.key or b"").decode()), _command.decode(value)
        case _ if record.header("ce_type") == "inbound.scheduled":
            scheduled = _scheduled.decode(value)
            inbound = tuple(Inbound(d.delivery_id, d.open_quantity, d.p50, d.p90) for d in scheduled.deliveries)
            lane = _lane(identity.lane(scheduled.part_id, scheduled.location_id))
            return lane, InboundSeen(inbound, scheduled.cause)
        case _:
            return None


def _lane(name: str) -> str:
    if min(name, default="") < " " or identity.lane(*identity.parts_of(name)) != name:
        raise ValueError(f"{name!r} is no lane")
    return name


def named_back_order(event: Input) -> str | None:
    """The back order that an input is about, if it is about one."""
    if isinstance(event, UnitsHanded):
        return None
    return getattr(event, "back_order_id", None)
