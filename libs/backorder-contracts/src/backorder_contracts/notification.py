"""`notification-outcome`: who was told what, when, and with what result."""

from typing import Annotated, ClassVar

from pydantic import Field

from backorder_contracts.fields import Identifier, Name, Published, Time, Version, open_values

_EventId = Annotated[str, Field(min_length=1, max_length=512)]


class NotificationOutcome(Published):
    """What became of telling one recipient about one event by one channel. Ids only, no addresses."""

    ce_type: ClassVar[str] = "notification.outcome"

    notification_id: Identifier
    """The notification; the same in every outcome of it."""
    event_id: _EventId
    """The `ce_id` of the event that it is about."""
    back_order_id: Identifier
    """The back order that it is about."""
    version: Annotated[Version, Field(ge=1)]
    """The version of the back order that it tells of."""
    event_type: _EventId
    """The `ce_type` of the event. Tolerate others."""
    recipient: Identifier
    """Who was to be told: an id."""
    channel: Annotated[Name, open_values("email", "push")]
    """By which way. Tolerate others."""
    result: Annotated[Name, open_values("sent", "failed", "suppressed", "expired")]
    """`sent`: the mail server or push service took it; `failed`: it never will; `suppressed`: it was not
    worth a message, or not wanted; `expired`: it came too late to be of use. Tolerate others."""
    reason: Name | None = None
    """Why it was not sent, as a code. Tolerate others."""
    attempts: Annotated[int, Field(ge=0)]
    """How often it was tried."""
    sent_at: Time | None = None
    """When it was taken; null unless `sent`."""
    caused_at: Time
    """When the cause came about: the upstream event at the very beginning, as far as it is known."""
    delay_seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    """From `caused_at` to `sent_at`; null unless `sent`."""
    message_id: Annotated[str, Field(min_length=1, max_length=255)] | None = None
    """The Message-ID of the mail, or the push service's id."""
