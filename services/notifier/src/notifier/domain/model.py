"""The words of the notifier: what happened, who hears of it, and what became of that."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from msgspec import Struct

from notifier.domain.identity import notification_id


class Audience(StrEnum):
    """Whom a notification is written for. Ids of customers and of teams never mix."""

    CUSTOMER = "customer"
    TEAM = "team"


class Channel(StrEnum):
    """How a notification reaches its recipient. `none` stands in outcomes of what had no way to go."""

    EMAIL = "email"
    PUSH = "push"
    NONE = "none"


class Result(StrEnum):
    """What became of a notification. There is exactly one result for each."""

    SENT = "sent"
    FAILED = "failed"
    SUPPRESSED = "suppressed"
    EXPIRED = "expired"


class Kind(StrEnum):
    """What a notification is about, which decides what makes it out of date.

    `delay` says how long it takes, `progress` that units move, `answer` replies to a wish, `end` that
    nothing more will happen.
    """

    DELAY = "delay"
    PROGRESS = "progress"
    ANSWER = "answer"
    END = "end"


class Quantity(Struct, frozen=True):
    """Units of a back order by where they are; `ordered` and `covered` are of its order line."""

    ordered: int
    covered: int
    back_ordered: int
    allocated: int
    released: int
    shipped: int
    cancelled: int
    waiting: int


class Refusal(Struct, frozen=True):
    """What was asked for and not done: so many units."""

    units: int = 0


class Promise(Struct, frozen=True):
    """When the units may be expected: median, cautious date, and the median that was promised first."""

    p50: datetime
    p90: datetime
    first_p50: datetime
    revisions: int = 0


CLOSED: Final = frozenset({"completed", "cancelled", "rerouted"})


class BackOrder(Struct, frozen=True, kw_only=True):
    """The state that an event carries: only the fields that are read here."""

    back_order_id: str
    version: int
    order_id: str
    line_id: str
    part_id: str
    location_id: str
    customer_id: str
    service_impact: str = "none"
    status: str
    quantity: Quantity
    opened_at: datetime
    band: str | None = None
    due_at: datetime | None = None
    need_by: datetime | None = None
    promise: Promise | None = None
    refused: Refusal | None = None
    reason: str | None = None

    @property
    def closed(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.status in CLOSED


@dataclass(frozen=True, slots=True, kw_only=True)
class StateEvent:
    """One event of `back-order-state`. `event_id` is the same however often it is delivered."""

    event_id: str
    event_type: str
    caused_at: datetime
    lane: str
    state: BackOrder


@dataclass(frozen=True, slots=True)
class Recipient:
    """Somebody who can be told."""

    audience: Audience
    recipient_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """One recipient hears of one event through one channel: from `due_at` on, and never after `expires_at`.

    `replaces` are the channels and kinds of older notifications about the same back order that this one makes
    needless for this recipient.
    """

    event: StateEvent
    recipient: Recipient
    channel: Channel
    kind: Kind
    replaces: tuple[tuple[Channel, Kind], ...]
    decided_at: datetime
    due_at: datetime
    expires_at: datetime

    @property
    def notification_id(self) -> str:
        """The same for the same event, channel and recipient, wherever it is derived."""
        who = self.recipient
        return notification_id(self.event.event_id, self.channel, who.audience, who.recipient_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a notification.

    `message_id` names the message that it went out in, which may have carried several notifications.
    """

    notification_id: str
    event_id: str
    event_type: str
    back_order_id: str
    version: int
    recipient_id: str
    channel: str
    result: str
    reason: str | None
    message_id: str | None
    attempts: int
    caused_at: datetime
    finished_at: datetime
