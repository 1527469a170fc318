"""What can happen to the supply of a lane, and what then is so."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from backorder_contracts.internal import Cause, DeliveryEntry, Origin, StockEntry
from inventory_sync.domain.model import Delivery, Seen

# ── events ─────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class DeliveryArrived:
    """A version of a delivery reached the lane that it names; `elsewhere` is the lane that has it already."""

    entry: DeliveryEntry
    elsewhere: str | None = None


@dataclass(frozen=True, slots=True)
class TimeCame:
    """The time came to look at a delivery again: it is due, or a doubt about it has lasted."""

    kind: str
    delivery_id: str


Event: TypeAlias = StockEntry | DeliveryArrived | TimeCame

# ── facts ──────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class VersionSeen:
    """A version of the lane was taken, or is contested now."""

    version: int
    seen: Seen


@dataclass(frozen=True, slots=True)
class LevelSet:
    """The level of the lane."""

    on_hand: int
    version: int


@dataclass(frozen=True, slots=True)
class Positioned:
    """A stock record told something new: a level (`moved`), or shipments of a version that came late.

    `on_hand` is the level of the newest version.
    """

    entry: StockEntry
    on_hand: int
    moved: bool


@dataclass(frozen=True, slots=True)
class DeliveryNoted:
    """What is known of a delivery now."""

    delivery: Delivery


@dataclass(frozen=True, slots=True)
class InboundChanged:
    """What is still to come is no longer what was told last."""

    cause: Cause


@dataclass(frozen=True, slots=True)
class ReminderSet:
    """Look at the delivery again at a time; None: no more."""

    kind: str
    delivery_id: str
    due_at: datetime | None


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """Something does not add up, and people should look at it. `expected` and `found` are units."""

    kind: str
    detail: str
    expected: int
    found: int
    since: datetime
    delivery_id: str | None = None


@dataclass(frozen=True, slots=True)
class FeedStale:
    """The stock feed is behind the newest version of the lane, and people hear of it."""

    version: int


@dataclass(frozen=True, slots=True)
class Conflict:
    """A record contradicts one that was taken before; the first stands."""

    origin: Origin
    detail: str


Fact: TypeAlias = (
    VersionSeen
    | LevelSet
    | Positioned
    | DeliveryNoted
    | InboundChanged
    | ReminderSet
    | Discrepancy
    | FeedStale
    | Conflict
)
