"""From a record on a public input topic to its envelope and its model, or to a refusal: nothing else."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final, TypeAlias

from msgspec.structs import replace
from pydantic import ValidationError

from backorder_contracts.commands import BackOrderCommand
from backorder_contracts.envelope import Envelope, Headers, read
from backorder_contracts.identity import lane
from backorder_contracts.json_text import canonical
from backorder_contracts.mistakes import refusal_of
from backorder_contracts.orders import OrderCancelled, OrderPlaced
from backorder_contracts.refusal import Reason, Refused
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
