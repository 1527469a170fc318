"""What stands on the topics: state events in, outcomes out."""

import re
from datetime import UTC, datetime
from typing import Final

import msgspec

from backorder_contracts.fields import PRINTABLE
from backorder_contracts.identity import lane
from backorder_contracts.refusal import Reason, Refused
from backorder_runtime.record import Message, Record
from notifier.domain.model import BackOrder, Channel, Outcome, Result, StateEvent
from notifier.domain.settle import delay_seconds

STATE_TOPIC: Final = "back-order-state"
OUTCOME_TOPIC: Final = "notification-outcome"
OUTCOME_TYPE: Final = "notification.outcome"


class Told(msgspec.Struct, kw_only=True):
    """The data of a `notification.outcome`, field by field as the contract has it."""

    notification_id: str
    event_id: str
    event_type: str
    back_order_id: str
    version: int
    recipient: str
    channel: str
    result: str
    reason: str | None
    attempts: int
    sent_at: datetime | None
    caused_at: datetime
    delay_seconds: float | None
    message_id: str | None


_state = msgspec.json.Decoder(BackOrder)
_is_printable = re.compile(PRINTABLE).fullmatch
_encoder = msgspec.json.Encoder()


def read_state(record: Record) -> StateEvent:
    """The state event of a record. Raises `Refused` when it is none that this version can read."""
    event_id, event_type, at = (record.header(name) for name in ("ce_id", "ce_type", "ce_time"))
    if not event_id or not event_type or not at:
        raise Refused(Reason.BAD_ENVELOPE, "ce_id, ce_type or ce_time is missing; a state event carries all three")
    if not record.value:
        raise Refused(Reason.EMPTY, "the record has no value; expected the state of a back order")
    try:
        state = _state.decode(record.value)
        caused_at = _utc(at)
    except (ValueError, RecursionError) as error:
        raise Refused(Reason.UNREADABLE, f"this is no state event: {error}") from error
    for name in ("back_order_id", "order_id", "line_id", "part_id", "location_id", "customer_id"):
        if not _is_printable(getattr(state, name)):
            raise Refused(Reason.BAD_IDENTIFIER, f"{name}: expected printable characters")
    return StateEvent(
        event_id=event_id,
        event_type=event_type,
        caused_at=caused_at,
        lane=lane(state.part_id, state.location_id),
        state=state,
    )


def write_outcome(lane_key: str, outcome: Outcome, mail_domain: str) -> Message:
    """The event that tells an outcome; it stands in the partition of its lane."""
    sent = outcome.result == Result.SENT
    by_mail = outcome.message_id is not None and outcome.channel == Channel.EMAIL
    told = Told(
        notification_id=outcome.notification_id,
        event_id=outcome.event_id,
        event_type=outcome.event_type,
        back_order_id=outcome.back_order_id,
        version=outcome.version,
        recipient=outcome.recipient_id,
        channel=outcome.channel,
        result=outcome.result,
        reason=outcome.reason,
        attempts=outcome.attempts,
        sent_at=outcome.finished_at if sent else None,
        caused_at=outcome.caused_at,
        delay_seconds=delay_seconds(outcome.caused_at, outcome.finished_at) if sent else None,
        message_id=mail_id(outcome.message_id, mail_domain) if by_mail and outcome.message_id else outcome.message_id,
    )
    return Message(OUTCOME_TOPIC, lane_key, OUTCOME_TYPE, _encoder.encode(told), outcome.back_order_id)


def mail_id(name: str, domain: str) -> str:
    """The Message-ID of a message or of a conversation."""
    return f"<{name}@{domain}>"


def state_text(state: BackOrder) -> str:
    """A state as it is kept beside its notification."""
    return _encoder.encode(state).decode()


def state_of(text: str) -> BackOrder:
    """A state that was kept."""
    return _state.decode(text)


def _utc(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("ce_time has no offset")
    return at.astimezone(UTC)
