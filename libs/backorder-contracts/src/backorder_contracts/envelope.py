"""The CloudEvents 1.0 envelope on Kafka: read in every accepted form, written in binary mode.

Written by hand because every record passes here; the rules are those of the CloudEvents Kafka binding.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, TypeAlias

import msgspec
from pydantic_core import PydanticCustomError

from backorder_contracts.fields import format_time, parse_time
from backorder_contracts.json_text import parse_base64, parse_json
from backorder_contracts.refusal import Reason, Refused, shown
from backorder_contracts.topics import TOPICS

MAX_VALUE_BYTES: Final = 256 * 1024
MAX_ATTRIBUTE_LENGTH: Final = 512
_VERSION: Final = "00"  # of the trace contexts that we write
CONTENT_TYPE: Final = b"application/json"

Headers: TypeAlias = Sequence[tuple[str, bytes | None]]

_REQUIRED: Final = ("specversion", "id", "source", "type")
_ATTRIBUTES: Final = tuple((f"ce_{name}", name) for name in (*_REQUIRED, "time", "subject", "traceparent"))

# what CloudEvents forbids in any text: controls and non-characters
_forbidden: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff]").search
_traceparent: Final = re.compile(
    r"(?!ff)([0-9a-f]{2})(-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2})(-.*)?"
).fullmatch


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """What stands around an event's data.

    Attributes:
        id: the publisher's `ce_id`; "" in a bare record, whose identity is in its data (see `inputs`).
        source: who published it; the topic's name for a bare record.
        type: the event type; the topic's for a bare record.
        data: the event itself: a JSON object, not validated yet.
        sent: the envelope's `ce_time` as it came; see `time`.
        subject: what it is about, if the envelope says so.
        traceparent: the W3C trace context, if there is a usable one.
    """

    id: str
    source: str
    type: str
    data: dict[str, Any]
    sent: str | None = None
    subject: str | None = None
    traceparent: str | None = None

    @property
    def time(self) -> datetime | None:
        """When the event came about, in UTC; None if the envelope says nothing that can be read as a time.

        No decision rests on it, so it is read only when asked for, and no event is refused for it.
        """
        try:
            return parse_time(self.sent)
        except PydanticCustomError:
            return None


def read(topic: str, key: bytes | None, value: bytes | None, headers: Headers) -> Envelope:  # noqa: ARG001
    """Reads a record in binary mode, in structured mode, or as a bare JSON object.

    The key is taken so that a record's parts are passed as they come; correctness never depends on it.

    Raises:
        Refused: the record is no readable event, or not of a type that its input topic carries.
    """
    if value is None or not value.strip():
        raise Refused(Reason.EMPTY, "the record has no value; expected a JSON object")
    if len(value) > MAX_VALUE_BYTES:
        raise Refused(Reason.TOO_LARGE, f"the value has {len(value)} bytes; at most {MAX_VALUE_BYTES} are allowed")
    if is_structured(headers):
        event = _object(parse_json(value))
        data = parse_base64(event["data_base64"]) if "data_base64" in event else event.get("data")
        return _envelope(topic, event, dict(headers), data)
    return beside(topic, headers, _object(parse_json(value)))


def beside(topic: str, headers: Headers, data: dict[str, Any]) -> Envelope:
    """The envelope that stands in the headers beside a record's data, or that of a bare record. Raises `Refused`."""
    found = dict(headers)
    if "ce_id" in found or "ce_type" in found or "ce_specversion" in found or "ce_source" in found:
        return _envelope(topic, _attributes(found, headers), found, data)
    traceparent = trace_context(found.get("traceparent"))
    return Envelope(id="", source=topic, type=_only_type(topic), data=data, traceparent=traceparent)


def write(
    *,
    id: str,  # noqa: A002  # the attribute's name
    source: str,
    type: str,  # noqa: A002
    time: datetime,
    subject: str | None = None,
    traceparent: str | None = None,
) -> list[tuple[str, bytes]]:
    """The headers of a record in binary mode; its value is the data alone."""
    headers = [
        ("ce_specversion", b"1.0"),
        ("ce_id", id.encode()),
        ("ce_source", source.encode()),
        ("ce_type", type.encode()),
        ("ce_time", format_time(time).encode()),
        ("content-type", CONTENT_TYPE),
    ]
    if subject is not None:
        headers.append(("ce_subject", subject.encode()))
    if traceparent is not None:
        headers.append(("traceparent", traceparent.encode()))
    return headers


def is_structured(headers: Headers) -> bool:
    """Whether a record's value holds its envelope too. Raises `Refused`: it does, in a form that we do not read."""
    content_type = next((value for name, value in reversed(headers) if name == "content-type"), None)
    if content_type is None or content_type == CONTENT_TYPE:
        return False
    media_type = content_type.decode("utf-8", "replace").partition(";")[0].strip().lower()
    if media_type.startswith("application/cloudevents") and media_type != "application/cloudevents+json":
        raise Refused(
            Reason.BAD_ENVELOPE, f"content-type: {shown(media_type)} cannot be read; send JSON, one event a record"
        )
    return media_type == "application/cloudevents+json"


def _attributes(found: dict[str, bytes | None], headers: Headers) -> dict[str, Any]:
    """The `ce_` headers that we read, as text, by the attribute's name."""
    if len(found) < len(headers):
        names = [name for name, _ in headers if name.startswith("ce_")]
        if len(set(names)) < len(names):
            raise Refused(Reason.BAD_ENVELOPE, "a ce_ header stands there twice")
    attributes = {}
    header = ""
    try:
        for header, name in _ATTRIBUTES:
            raw = found.get(header)
            if raw is not None:
                attributes[name] = raw.decode()
    except UnicodeDecodeError:
        raise Refused(Reason.BAD_ENVELOPE, f"{header}: is not UTF-8") from None
    return attributes


def _envelope(topic: str, attributes: dict[str, Any], found: dict[str, bytes | None], data: Any) -> Envelope:
    """The same rules for both modes; only the place of the attributes differs."""
    for name in _REQUIRED:
        if name not in attributes:
            raise Refused(Reason.BAD_ENVELOPE, f"ce_{name}: is missing; a CloudEvents envelope needs it")
        check_attribute(name, attributes[name])
    if attributes["specversion"] != "1.0":
        version = shown(attributes["specversion"])
        raise Refused(Reason.BAD_ENVELOPE, f"ce_specversion: {version} cannot be read; expected 1.0")
    event_type = attributes["type"]
    known = TOPICS.get(topic)
    if known is not None and known.direction == "in" and event_type not in known.ce_types:
        expected = " or ".join(known.ce_types)
        raise Refused(Reason.WRONG_TYPE, f"ce_type: {shown(event_type)} on topic {topic}; expected {expected}")
    subject = attributes.get("subject")
    if subject is not None:
        check_attribute("subject", subject)
    sent = attributes.get("time")
    return Envelope(
        id=attributes["id"],
        source=attributes["source"],
        type=event_type,
        data=_object(data),
        sent=sent if isinstance(sent, str) else None,
        subject=subject,
        traceparent=trace_context(found.get("traceparent") or attributes.get("traceparent")),
    )


def check_attribute(name: str, value: Any) -> None:
    """Raise `Refused` unless an attribute is a text that CloudEvents allows, of 512 characters at most."""
    if type(value) is str and 0 < len(value) <= MAX_ATTRIBUTE_LENGTH and value.isprintable():
        return
    if type(value) is not str or not 0 < len(value) <= MAX_ATTRIBUTE_LENGTH or _forbidden(value):
        raise Refused(
            Reason.BAD_ENVELOPE,
            f"ce_{name}: {shown(value)}; expected 1 to {MAX_ATTRIBUTE_LENGTH} characters, no control characters",
        )


def trace_context(given: Any) -> str | None:
    """A trace as W3C's version 00 writes it, in 55 characters; of a later version, what is known of it.

    One that is malformed is dropped: no event is refused for it.
    """
    text = given.decode("utf-8", "replace") if isinstance(given, bytes) else given
    found = _traceparent(text) if isinstance(text, str) else None
    if found is None or (found[3] and found[1] == _VERSION):
        return None
    return _VERSION + found[2]


def _only_type(topic: str) -> str:
    known = TOPICS.get(topic)
    if known is None or len(known.ce_types) != 1:
        raise Refused(Reason.BAD_ENVELOPE, f"ce_type: is missing; topic {topic} carries several types")
    return known.ce_types[0]


def _object(data: Any) -> dict[str, Any]:
    if isinstance(data, dict):
        return data
    raise Refused(Reason.NOT_AN_OBJECT, f"the data is {shown(data)}; expected a JSON object")
