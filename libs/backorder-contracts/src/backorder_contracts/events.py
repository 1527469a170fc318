"""Every public event: its type, its topic, its model, and what it means."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from pydantic import BaseModel

from backorder_contracts.commands import BackOrderCommand
from backorder_contracts.dead_letter import DeadLetterHeaders
from backorder_contracts.delay import DelayPattern
from backorder_contracts.handled import DeadLetterHandled
from backorder_contracts.notification import NotificationOutcome
from backorder_contracts.orders import OrderCancelled, OrderPlaced
from backorder_contracts.policy import PolicyApplied
from backorder_contracts.state import BackOrderSnapshot, BackOrderState
from backorder_contracts.state_events import STATE_EVENTS, StateEvent
from backorder_contracts.stock import StockChanged
from backorder_contracts.supplier import SupplierDelivery
from backorder_contracts.supply import InboundScheduled, StockPositioned, SupplyDiscrepancy

DEAD_LETTER: Final = "dead-letter"
"""Not an event type: the name of the schema of a dead letter's headers. Its value is the record's."""


class EventType(NamedTuple):
    """An event type: `name` is its `ce_type`; `extras` are those of a `back-order-state` event, None for all others."""

    name: str
    topic: str
    model: type[BaseModel]
    meaning: str
    extras: StateEvent | None = None

    @property
    def is_input(self) -> bool:
        """Whether upstream systems publish it."""
        return self.model in _INPUT_MODELS


_INPUT_MODELS: Final = {OrderPlaced, OrderCancelled, StockChanged, SupplierDelivery, BackOrderCommand}

_SINGLE: Final[Mapping[str, tuple[type[BaseModel], ...]]] = {
    "order-placed": (OrderPlaced,),
    "order-cancelled": (OrderCancelled,),
    "stock-changed": (StockChanged,),
    "supplier-delivery": (SupplierDelivery,),
    "back-order-command": (BackOrderCommand,),
    "back-order-snapshot": (BackOrderSnapshot,),
    "supply": (StockPositioned, InboundScheduled, SupplyDiscrepancy),
    "notification-outcome": (NotificationOutcome,),
    "delay-pattern": (DelayPattern,),
    "back-order-policy": (PolicyApplied,),
    "dead-letter-handled": (DeadLetterHandled,),
}


def _meaning(model: type[BaseModel]) -> str:
    return " ".join((model.__doc__ or "").split())


def _all() -> dict[str, EventType]:
    events = [
        EventType(model.ce_type, topic, model, _meaning(model))  # type: ignore[attr-defined]
        for topic, models in _SINGLE.items()
        for model in models
    ]
    events += [
        EventType(name, "back-order-state", BackOrderState, extras.meaning, extras)
        for name, extras in STATE_EVENTS.items()
    ]
    events.append(EventType(DEAD_LETTER, "<service>.dead-letter", DeadLetterHeaders, _meaning(DeadLetterHeaders)))
    return {event.name: event for event in events}


EVENTS: Final[Mapping[str, EventType]] = MappingProxyType(_all())
