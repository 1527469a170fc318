"""From pydantic's errors to a refusal that a publisher understands."""

from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from backorder_contracts.fields import MAX_PROSE, PROSE
from backorder_contracts.refusal import Reason, Refused, shown

_REASONS: Final = frozenset(Reason)
_WHOLE_NUMBERS: Final = {
    "quantity": "a whole number from 1 to 1000000000, as a JSON integer",
    "received_quantity": "a whole number from 0 to 1000000000, as a JSON integer",
    "on_hand": "a whole number from 0 to 1000000000000, as a JSON integer",
    "version": "a whole number from 0 to 9223372036854775807, as a JSON integer",
}
_FIELDS: Final = {
    "unit_value": 'a decimal number as a string, such as "129.90"',
    "lines": "a list of 1 to 1000 lines",
    "shipped": "a list",
}
_PRINTABLE: Final = "1 to 64 printable characters, no control or invisible ones"
_PROSE: Final = f"text of at most {MAX_PROSE} characters, no control characters"


def refusal_of(error: ValidationError) -> Refused:
    """The refusal that tells a publisher about the first mistake that was found."""
    first = error.errors(include_url=False)[0]
    path, leaf = _path(first["loc"])
    given = shown(first["input"])
    kind = first["type"]
    if kind in _REASONS:
        at = f"{path}: " if path else ""
        given = f"; given {given}" if kind == Reason.BAD_TIME else ""
        return Refused(Reason(kind), f"{at}{first['msg']}{given}")
    if kind == "missing":
        return Refused(Reason.MISSING_FIELD, f"{path}: is missing")
    reason, expected = _meaning(first, leaf)
    return Refused(reason, f"{path}: {given}; expected {expected}")


def _path(location: tuple[int | str, ...]) -> tuple[str, str]:
    """`lines[0].quantity`, and the name of its last field."""
    path, leaf = "", ""
    for step in location:
        if isinstance(step, int):
            path += f"[{step}]"
        else:
            path += f".{step}" if path else step
            leaf = step
    return path, leaf


def _meaning(error: ErrorDetails, leaf: str) -> tuple[Reason, str]:
    """The reason for a field's mistake, and what it should have been, by the kind of the field."""
    kind = error["type"]
    if kind == "literal_error":
        reason = Reason.UNKNOWN_ACTION if leaf == "action" else Reason.UNKNOWN_VALUE
        return reason, str(error["ctx"]["expected"])
    if kind == "model_type":
        return Reason.INVALID_FIELD, "an object"
    if leaf in _WHOLE_NUMBERS:
        return Reason.BAD_QUANTITY, _WHOLE_NUMBERS[leaf]
    if leaf.endswith("_id"):
        return Reason.BAD_IDENTIFIER, _PRINTABLE
    return Reason.INVALID_FIELD, _FIELDS.get(leaf) or _expected(error)


def _expected(error: ErrorDetails) -> str:
    context: dict[str, Any] = error.get("ctx", {})
    if error["type"].startswith("string"):
        is_prose = context.get("pattern") == PROSE or context.get("max_length") == MAX_PROSE
        return _PROSE if is_prose else _PRINTABLE
    message = error["msg"]
    return message[0].lower() + message[1:]
