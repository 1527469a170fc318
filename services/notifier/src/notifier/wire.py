"""What stands on the topics: state events in, outcomes out."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

import msgspec

from backorder_contracts.envelope import check_attribute
from backorder_contracts.fields import FIRST_YEAR, LAST_PUBLISHED_YEAR, MAX_VERSION, is_identifier, parse_time
from backorder_contracts.identity import lane
from backorder_contracts.refusal import Reason, Refused, shown
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
_IDS: Final = ("back_order_id", "order_id", "line_id", "part_id", "location_id", "customer_id")
_NAMES: Final = ("status", "service_impact", "band", "reason")
_FIRST: Final = datetime(FIRST_YEAR, 1, 1, tzinfo=UTC)
_LAST: Final = datetime(LAST_PUBLISHED_YEAR, 12, 31, tzinfo=UTC)  # a day before the end, which no time zone passes
_encoder = msgspec.json.Encoder()


def read_state(record: Record) -> StateEvent:
    """The state event of a record. Raises `Refused` when it is none that this version can read and keep.

    Anybody can write to a topic. What the database does not take, or no time can be added to, would fail in each batch
    anew.
    """
    event_id, event_type, at = (_attribute(record, name) for name in ("id", "type", "time"))
    if not record.value:
        raise Refused(Reason.EMPTY, "the record has no value; expected the state of a back order")
    try:
        caused_at = parse_time(at)
    except ValueError as error:
        raise Refused(Reason.BAD_TIME, f"ce_time: {shown(at)}; {error}") from error
    try:
        state = _state.decode(record.value)
    except (ValueError, RecursionError) as error:
        raise Refused(Reason.UNREADABLE, f"this is no state event: {error}") from error
    _check(state)
    return StateEvent(
        event_id=event_id,
        event_type=event_type,
        caused_at=caused_at,
        lane=lane(state.part_id, state.location_id),
        state=state,
    )


def _attribute(record: Record, name: str) -> str:
    text = record.header(f"ce_{name}")
    if not text:
        raise Refused(Reason.BAD_ENVELOPE, f"ce_{name} is missing; a state event carries ce_id, ce_type and ce_time")
    check_attribute(name, text)
    return text


def _check(state: BackOrder) -> None:
    """Refuse what the contract does not allow in what is kept."""
    for name in _IDS:
        if not is_identifier(text := getattr(state, name)):
            raise Refused(Reason.BAD_IDENTIFIER, f"{name}: {shown(text)}; expected 1 to 64 printable characters")
    for name in _NAMES:
        if (text := getattr(state, name)) is not None and not is_identifier(text):
            raise Refused(Reason.INVALID_FIELD, f"{name}: {shown(text)}; expected 1 to 64 printable characters")
    if not 1 <= state.version <= MAX_VERSION:
        raise Refused(Reason.BAD_QUANTITY, f"version: {shown(state.version)}; expected 1 to {MAX_VERSION}")
    for name, at in _times(state):
        if at.tzinfo is None or not _FIRST <= at <= _LAST:
            years = f"{FIRST_YEAR} to {LAST_PUBLISHED_YEAR}"
            raise Refused(Reason.BAD_TIME, f"{name}: {shown(str(at))}; expected an offset and a year from {years}")


def _times(state: BackOrder) -> Iterator[tuple[str, datetime]]:
    yield "opened_at", state.opened_at
    if state.due_at:
        yield "due_at", state.due_at
    if state.need_by:
        yield "need_by", state.need_by
    if promise := state.promise:
        yield from (("p50", promise.p50), ("p90", promise.p90), ("first_p50", promise.first_p50))


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
