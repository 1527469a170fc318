"""From a record on a public input topic to its envelope and its model, or to a refusal: nothing else."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final, TypeAlias

from msgspec.structs import replace
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from backorder_contracts.commands import BackOrderCommand
from backorder_contracts.envelope import Envelope, Headers, read
from backorder_contracts.identity import lane
from backorder_contracts.json_text import canonical
from backorder_contracts.orders import OrderCancelled, OrderPlaced
from backorder_contracts.refusal import Reason, Refused, shown
from backorder_contracts.stock import StockChanged
from backorder_contracts.supplier import SupplierDelivery

InputEvent: TypeAlias = OrderPlaced | OrderCancelled | StockChanged | SupplierDelivery | BackOrderCommand

INPUTS: Final[Mapping[str, type[InputEvent]]] = {
    "order-placed": OrderPlaced,
    "order-cancelled": OrderCancelled,
    "stock-changed": StockChanged,
    "supplier-delivery": SupplierDelivery,
    "back-order-command": BackOrderCommand,
}

_REASONS: Final = frozenset(Reason)
_WHOLE_NUMBERS: Final = {
    "quantity": "a whole number from 1 to 1000000000, as a JSON integer",
    "received_quantity": "a whole number from 0 to 1000000000, as a JSON integer",
    "on_hand": "a whole number from 0 to 1000000000000, as a JSON integer",
    "version": "a whole number from 0 to 9223372036854775807, as a JSON integer",
}
_PRINTABLE: Final = "1 to 64 printable characters, no control or invisible ones"


def parse(topic: str, key: bytes | None, value: bytes | None, headers: Headers) -> tuple[Envelope, InputEvent]:
    """Reads and validates one input.

    A bare record gets its natural identity as the envelope's `id`. A null is read as if the field were not
    there.

    Raises:
        Refused: whatever is wrong with the record; no other exception.
        KeyError: the topic is none of `INPUTS`.
    """
    model = INPUTS[topic]
    envelope = read(topic, key, value, headers)
    event = _validated(model, envelope.data)
    if not envelope.id:
        envelope = replace(envelope, id=_natural_id(event, envelope.data))
    return envelope, event


def _validated(model: type[InputEvent], data: dict[str, Any]) -> InputEvent:
    try:
        try:
            return model.model_validate(data)
        except ValidationError:
            # the usual input has no nulls where a default is meant, so only the others pay for looking
            return model.model_validate(_without_nulls(data))
    except ValidationError as error:
        raise refusal_of(error) from None
    except RecursionError:
        raise Refused(Reason.NOT_JSON, "the value is nested too deeply") from None


def _without_nulls(data: Any) -> Any:
    if isinstance(data, dict):
        return {name: _without_nulls(value) for name, value in data.items() if value is not None}
    if isinstance(data, list):
        return [_without_nulls(value) for value in data]
    return data


def _natural_id(event: InputEvent, data: dict[str, Any]) -> str:
    """The identity that a record without an envelope has by its content."""
    match event:
        case OrderPlaced():
            return event.order_id
        case OrderCancelled():
            return "sha256:" + sha256(canonical(data)).hexdigest()
        case StockChanged():
            return f"{lane(event.part_id, event.location_id)}/{event.version}"
        case SupplierDelivery():
            return f"{event.delivery_id}/{event.version}"
        case BackOrderCommand():
            return event.command_id


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
    """The reason for a field's mistake, and what it should have been, by the field's kind."""
    kind = error["type"]
    if kind == "literal_error":
        reason = Reason.UNKNOWN_ACTION if leaf == "action" else Reason.UNKNOWN_VALUE
        return reason, str(error["ctx"]["expected"])
    if leaf in _WHOLE_NUMBERS:
        return Reason.BAD_QUANTITY, _WHOLE_NUMBERS[leaf]
    if leaf.endswith("_id"):
        return Reason.BAD_IDENTIFIER, _PRINTABLE
    if leaf == "unit_value":
        return Reason.INVALID_FIELD, 'a decimal number as a string, such as "129.90"'
    if leaf in {"band", "requested_by"} or (leaf == "reason" and "max_length" in error.get("ctx", {})):
        return Reason.INVALID_FIELD, _PRINTABLE
    message = error["msg"]
    return Reason.INVALID_FIELD, message[0].lower() + message[1:]
