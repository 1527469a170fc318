"""What is known of a lane's supply: its level, its versions, its deliveries."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from backorder_contracts import identity


@dataclass(frozen=True, slots=True)
class Rules:
    """What may be set.

    `grace`: how long two feeds may tell different stories before people hear of it. `margin`: from the promised
    date to the cautious one. `receipts_named`: whether the warehouse says which delivery a receipt belongs to.
    `kept`: so long a version is known whole.
    """

    grace: timedelta = timedelta(hours=1)
    margin: timedelta = timedelta(days=3)
    receipts_named: bool = True
    kept: timedelta = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Seen:
    """A version of the lane that was taken: its level and a digest of its content; `contested` by another content."""

    on_hand: int
    content: bytes
    contested: bool = False


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest version of a lane, as those below it see it.

    `taken_at` is None when that is longer ago than versions are kept. `told`: people know that the feed is behind it.
    """

    taken_at: datetime | None
    told: bool = False


@dataclass(frozen=True, slots=True)
class Announced:
    """What the supplier feed says of a delivery, by its newest version; units are whole.

    `received` is cumulative. `first_promised_at` is the date that we heard first and never moves; `revisions`
    counts how often the promised date moved. `contested`: this version also came with another content.
    """

    version: int
    supplier_id: str
    status: str
    quantity: int
    received: int
    promised_at: datetime
    first_promised_at: datetime
    revisions: int = 0
    contested: bool = False


@dataclass(frozen=True, slots=True)
class Doubt:
    """Something about a delivery that does not add up, `since` then."""

    kind: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery in its lane. `announced` is None while only stock records name it.

    `in_stock` counts the units of it that stock records brought.
    """

    delivery_id: str
    announced: Announced | None = None
    in_stock: int = 0
    overdue: bool = False
    doubts: tuple[Doubt, ...] = ()

    @property
    def come(self) -> int:
        """Units that have come, by the feed that is further."""
        return max(self.announced.received if self.announced else 0, self.in_stock)

    @property
    def open_quantity(self) -> int:
        """Units still to come: units that are in stock are not announced a second time."""
        if self.announced is None or self.announced.status == "cancelled":
            return 0
        return max(0, self.announced.quantity - self.come)

    @property
    def is_open(self) -> bool:
        """Whether units are still to come."""
        return self.open_quantity > 0


@dataclass(slots=True)
class Lane:
    """The supply of a part at a location, as far as it is in memory: open deliveries, and what a batch names.

    `on_hand` is the level of `version`, the newest; -1 before the first. `seen` holds versions of the batch;
    those up to `forgotten` were taken, or come too late. `newest` is known where the batch names versions below it.
    """

    part_id: str
    location_id: str
    on_hand: int = 0
    version: int = -1
    forgotten: int = -1
    newest: Newest | None = None
    seen: dict[int, Seen] = field(default_factory=dict)
    deliveries: dict[str, Delivery] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The lane as it is written in keys."""
        return identity.lane(self.part_id, self.location_id)
