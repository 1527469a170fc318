"""The field types that every event shares, with their limits.

All are strict: what is not exactly as the contract says is refused, never converted. Times are the
exception that proves it: RFC 3339 text in, aware UTC datetimes inside, RFC 3339 text with `Z` out.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

MAX_QUANTITY: Final = 1_000_000_000
MAX_LEVEL: Final = 1_000_000_000_000
MAX_PROSE: Final = 500
MAX_VERSION: Final = 2**63 - 1
MAX_IDENTIFIER: Final = 64

# Years outside are typing errors or placeholders for "never"; inside, adding a few years never overflows.
FIRST_YEAR: Final = 1900
LAST_YEAR: Final = 9998
LAST_PUBLISHED_YEAR: Final = 9999
"""The midnight that ends the last day falls here, and so does what is added to it."""

# Not printable: controls, soft hyphen, direction marks, zero-width space, separators, byte order mark,
# non-characters. The joiners U+200C and U+200D stay: words of some scripts need them. Lone surrogates
# are not text at all and are refused before. The pattern reads the same in Rust, ECMAScript and Python.
PRINTABLE: Final = (
    r"^[^\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f"
    r"\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\uffff]+$"
)
# Prose may have line breaks and tabs, but nothing that a database or a terminal chokes on.
PROSE: Final = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$"
DECIMAL: Final = r"^[0-9]{1,15}(\.[0-9]{1,6})?$"

Identifier: TypeAlias = Annotated[str, Field(min_length=1, max_length=MAX_IDENTIFIER, pattern=PRINTABLE)]
"""1 to 64 printable characters of any script, spaces included; never trimmed, folded or normalised."""

Name: TypeAlias = Annotated[str, Field(min_length=1, max_length=MAX_IDENTIFIER, pattern=PRINTABLE)]
"""A code or a name out of an open list: same limits as an identifier."""

Text: TypeAlias = Annotated[str, Field(max_length=MAX_PROSE, pattern=PROSE)]
"""Free text for people, at most 500 characters."""

Quantity: TypeAlias = Annotated[int, Field(ge=1, le=MAX_QUANTITY)]
"""Whole units, 1 to 1,000,000,000, as a JSON integer (`4`, not `4.0` or `"4"`)."""

Units: TypeAlias = Annotated[int, Field(ge=0, le=MAX_QUANTITY)]
"""Whole units, where none is possible too."""

Level: TypeAlias = Annotated[int, Field(ge=0, le=MAX_LEVEL)]
"""A stock level: whole units, 0 to 1,000,000,000,000."""

Version: TypeAlias = Annotated[int, Field(ge=0, le=MAX_VERSION)]
"""A number that only grows, 0 to 9,223,372,036,854,775,807; gaps are allowed."""

Decimal: TypeAlias = Annotated[str, Field(pattern=DECIMAL)]
"""A non-negative decimal number as text: up to 15 digits, a point, up to 6 digits."""

Tier: TypeAlias = Literal["platinum", "gold", "silver", "standard"]
ServiceImpact: TypeAlias = Literal["down", "degraded", "planned", "none"]
ShipPolicy: TypeAlias = Literal["available", "complete"]

_DATE: Final = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME: Final = r"[0-2][0-9]:[0-5][0-9]:[0-6][0-9](\.[0-9]+)?"
_OFFSET: Final = r"([Zz]|[+-][0-2][0-9]:[0-5][0-9])"
_DATE_TIME_PATTERN: Final = f"^{_DATE}[Tt]{_TIME}{_OFFSET}$"
_PUBLISHED_PATTERN: Final = f"^{_DATE}T[0-2][0-9]:[0-5][0-9]:[0-5][0-9](\\.[0-9]{{1,6}})?Z$"
_is_date = re.compile(_DATE).fullmatch
_is_date_time = re.compile(f"{_DATE}[Tt]{_TIME}{_OFFSET}").fullmatch

_is_printable = re.compile(PRINTABLE).fullmatch

_BAD_TIME: Final = "expected a time such as 2026-11-24T07:00:00Z, with an offset"
_BAD_DATE: Final = "expected a time with an offset, or a date such as 2026-11-30"


def is_identifier(text: str) -> bool:
    """Whether a text is an `Identifier`, and so a `Name`: for those who read one without a model."""
    return len(text) <= MAX_IDENTIFIER and _is_printable(text) is not None


def parse_time(value: Any) -> datetime:
    """Reads RFC 3339 text (or takes an aware datetime) and returns it in UTC, cut to microseconds.

    Raises:
        PydanticCustomError: `bad-time`, for anything else, a naive time and a number included.
    """
    if type(value) is str and _is_date_time(value):
        return _in_utc(value)
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC)
    raise PydanticCustomError("bad-time", _BAD_TIME)


def parse_published(value: Any) -> datetime:
    """Like `parse_time`, and reads the year 9999 too: what we publish may be later than what we take."""
    if type(value) is str and _is_date_time(value):
        return _in_utc(value, LAST_PUBLISHED_YEAR)
    return parse_time(value)


def parse_time_or_date(value: Any) -> datetime:
    """Like `parse_time`, and reads a date as the midnight (UTC) that ends it."""
    if type(value) is str and _is_date(value):
        try:
            day = datetime.fromisoformat(value + "T00:00:00Z")
        except ValueError:
            raise PydanticCustomError("bad-time", "there is no such day") from None
        return _in_range(day) + timedelta(days=1)
    try:
        return parse_time(value)
    except PydanticCustomError as error:
        message = error.message()
        raise PydanticCustomError("bad-time", _BAD_DATE if message == _BAD_TIME else message) from None


def _in_utc(text: str, last: int = LAST_YEAR) -> datetime:
    try:
        moment = datetime.fromisoformat(text.upper())
    except ValueError:
        moment = _leap_second(text.upper())
    if moment.tzinfo is UTC:
        return _in_range(moment, last)
    try:
        return _in_range(moment.astimezone(UTC), last)
    except OverflowError:
        raise PydanticCustomError("bad-time", "there is no such time") from None


def _leap_second(text: str) -> datetime:
    """Reads `23:59:60` as the second after `23:59:59`: RFC 3339 allows what a datetime cannot hold."""
    if text[17:19] == "60":
        try:
            return datetime.fromisoformat(text[:17] + "59" + text[19:]) + timedelta(seconds=1)
        except (ValueError, OverflowError):
            pass
    raise PydanticCustomError("bad-time", "there is no such time")


def _in_range(moment: datetime, last: int = LAST_YEAR) -> datetime:
    if FIRST_YEAR <= moment.year <= last:
        return moment
    raise PydanticCustomError(
        "bad-time", f"expected a year from {FIRST_YEAR} to {last}; leave an optional date out if there is none"
    )


def format_time(moment: datetime) -> str:
    """A time as it is published: RFC 3339, UTC with `Z`, microseconds only when there are any.

    Raises:
        ValueError: the datetime is naive.
    """
    if moment.tzinfo is None:
        raise ValueError("a published time must have an offset")
    return moment.astimezone(UTC).isoformat().removesuffix("+00:00") + "Z"


Time: TypeAlias = Annotated[
    datetime,
    PlainValidator(parse_time),
    PlainSerializer(format_time, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time", "pattern": _DATE_TIME_PATTERN}, mode="validation"),
    WithJsonSchema({"type": "string", "format": "date-time", "pattern": _PUBLISHED_PATTERN}, mode="serialization"),
]
"""A moment: RFC 3339 with an offset; published in UTC with `Z`."""

PublishedTime: TypeAlias = Annotated[
    datetime,
    PlainValidator(parse_published),
    PlainSerializer(format_time, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time", "pattern": _DATE_TIME_PATTERN}, mode="validation"),
    WithJsonSchema({"type": "string", "format": "date-time", "pattern": _PUBLISHED_PATTERN}, mode="serialization"),
]
"""A moment in something that we publish and that may be worked out from another: 9999 is possible."""

TimeOrDate: TypeAlias = Annotated[
    datetime,
    PlainValidator(parse_time_or_date),
    PlainSerializer(format_time, return_type=str, when_used="json"),
    WithJsonSchema(
        {
            "type": "string",
            "anyOf": [
                {"format": "date-time", "pattern": _DATE_TIME_PATTERN},
                {"format": "date", "pattern": f"^{_DATE}$"},
            ],
        }
    ),
]
"""A moment, or a date that stands for the midnight (UTC) that ends it."""


def open_values(*values: str) -> WithJsonSchema:
    """The schema of a field whose list of values may grow: readers must tolerate one they do not know."""
    schema = {"type": "string", "minLength": 1, "maxLength": 64, "x-extensible-enum": list(values)}
    return WithJsonSchema(schema)


def left_out(*values: str, **limits: Any) -> Any:
    """A field that is left out of the JSON when it has no value; `values` as in `open_values`."""
    marks: dict[str, Any] = {LEFT_OUT: True}
    if values:
        marks["x-extensible-enum"] = list(values)
    return Field(default=None, exclude_if=lambda value: value is None, json_schema_extra=marks, **limits)


LEFT_OUT: Final = "x-left-out"
"""Marks, for the generator, a field that is left out and so never null."""


class Input(BaseModel):
    """What upstream publishes: unknown fields are ignored, known ones must be exactly right."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True, use_attribute_docstrings=True)


class Published(BaseModel):
    """What we publish: consumers ignore fields that they do not know."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True, use_attribute_docstrings=True)

    def to_json(self) -> bytes:
        """The value of the record: compact JSON in UTF-8."""
        return self.model_dump_json().encode()
