"""How the end of a notification is written down."""

from datetime import datetime

from notifier.domain.identity import notification_id
from notifier.domain.model import Channel, Outcome, Recipient, Result, StateEvent


def settled(
    event: StateEvent, recipient: Recipient, now: datetime, *, channel: Channel, result: Result, reason: str
) -> Outcome:
    """The outcome of a notification that was never stored, because there was nothing to send."""
    return Outcome(
        notification_id=notification_id(event.event_id, channel, recipient.audience, recipient.recipient_id),
        event_id=event.event_id,
        event_type=event.event_type,
        back_order_id=event.state.back_order_id,
        version=event.state.version,
        recipient_id=recipient.recipient_id,
        channel=channel,
        result=result,
        reason=reason,
        message_id=None,
        attempts=0,
        caused_at=event.caused_at,
        finished_at=now,
    )


def delay_seconds(caused_at: datetime, finished_at: datetime) -> float:
    """Seconds from an event to its result; clocks that disagree make it 0, never negative."""
    return max(0.0, (finished_at - caused_at).total_seconds())
