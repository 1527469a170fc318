"""Why an input is refused: the reason codes of dead letters, and the exception that carries one."""

from enum import StrEnum
from typing import Any, Final

_DETAIL_LIMIT: Final = 500
_SHOWN_LIMIT: Final = 40
_SHOWN_BITS: Final = 128


class Reason(StrEnum):
    """The code in a dead letter's `dlq-reason` header: what the publisher has to mend."""

    EMPTY = "empty"
    """The record has no value."""
    TOO_LARGE = "too-large"
    """The value is larger than 256 KiB."""
    NOT_JSON = "not-json"
    """The value is not one JSON text in UTF-8, or is ambiguous (a name given twice in one object)."""
    NOT_AN_OBJECT = "not-an-object"
    """The data is JSON, but not an object."""
    BAD_ENVELOPE = "bad-envelope"
    """The CloudEvents attributes are incomplete or unreadable."""
    WRONG_TYPE = "wrong-type"
    """The event's type does not belong on this topic."""
    MISSING_FIELD = "missing-field"
    """A required field is not there."""
    INVALID_FIELD = "invalid-field"
    """A field does not hold what the contract says; the detail names it."""
    UNKNOWN_VALUE = "unknown-value"
    """A field with a closed list of values holds another one."""
    UNKNOWN_ACTION = "unknown-action"
    """The command's action is none that we know."""
    BAD_IDENTIFIER = "bad-identifier"
    """An identifier is not 1 to 64 printable characters."""
    BAD_QUANTITY = "bad-quantity"
    """A quantity, level or version is not a whole number in its range."""
    BAD_TIME = "bad-time"
    """A time is not RFC 3339 with an offset."""
    DUPLICATE_LINE = "duplicate-line"
    """One order or cancellation names a line twice."""
    CONFLICTING_DUPLICATE = "conflicting-duplicate"
    """What is known already was published again with other content; the first stands."""
    UNKNOWN_BACK_ORDER = "unknown-back-order"
    """A command names a back order that nobody knows."""
    BAD_POLICY = "bad-policy"
    """A published policy cannot be used; the one before it stays in force."""
    UNREADABLE = "unreadable"
    """A message between our own services that this version cannot read."""


class Refused(Exception):
    """An input breaks the contract and belongs in the dead letter.

    Attributes:
        reason: the machine-readable code.
        detail: one line for the publisher: which field, what was given (shortened), what is expected.
    """

    def __init__(self, reason: Reason, detail: str) -> None:
        self.reason = reason
        self.detail = one_line(detail)
        super().__init__(reason, self.detail)

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}"


def one_line(text: str) -> str:
    """Text that fits a header: one line, no control characters or lone surrogates, at most 500 characters."""
    if not text.isprintable():
        text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return text if len(text) <= _DETAIL_LIMIT else text[: _DETAIL_LIMIT - 1] + "…"


def shown(value: Any) -> str:
    """A given value as a detail shows it: short, and safe for values of any size or depth."""
    match value:
        case str():
            short = value if len(value) <= _SHOWN_LIMIT else value[: _SHOWN_LIMIT - 1] + "…"
            return f'"{one_line(short)}"'
        case None | bool():
            return {None: "null", True: "true", False: "false"}[value]
        case int() | float():
            huge = isinstance(value, int) and value.bit_length() > _SHOWN_BITS
            return "a very large number" if huge else repr(value)
        case list() | tuple():
            return f"a list of {len(value)}"
        case _:
            return "an object" if isinstance(value, dict) else f"a {type(value).__name__}"
