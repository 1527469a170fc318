"""What the supply of a lane tells the public."""

from collections.abc import Sequence
from functools import partial

from msgspec import Struct

from backorder_contracts.fields import MAX_LEVEL
from backorder_contracts.refusal import Reason
from backorder_runtime.record import DeadLetter, Effect, Latest, Message, SetTimer
from inventory_sync import wire
from inventory_sync.domain import events as e
from inventory_sync.domain.deliveries import still_to_come
from inventory_sync.domain.model import Announced, Delivery, Lane, Rules

SUPPLY = "supply"


def timer_key(kind: str, delivery_id: str) -> str:
    """The name of a reminder inside its lane; no kind has a space in it."""
    return f"{kind} {delivery_id}"


class Teller:
    """Renders the facts of one decision; call `tell` after each fact was written into the lane."""

    def __init__(self, lane: Lane, rules: Rules) -> None:
        self._lane = lane
        self._rules = rules

    def tell(self, fact: e.Fact) -> Sequence[Effect]:
        """The messages and reminders that a fact is worth."""
        match fact:
            case e.Positioned():
                return (self._message("stock.positioned", self._positioned(fact)),)
            case e.InboundChanged():
                # as long as all that is open in the lane: a batch that changes all of it must not repeat it each time
                return (Latest(SUPPLY, self._lane.name, "inbound.scheduled", partial(self._scheduled, fact)),)
            case e.Discrepancy():
                return (self._message("supply.discrepancy", self._discrepancy(fact)),)
            case e.Conflict(origin, detail):
                return (DeadLetter(origin, Reason.CONFLICTING_DUPLICATE, detail),)
            case e.ReminderSet(kind, delivery_id, due_at):
                return (SetTimer(self._lane.name, timer_key(kind, delivery_id), due_at),)
            case _:
                return ()

    def _message(self, event_type: str, event: Struct) -> Message:
        return Message(SUPPLY, self._lane.name, event_type, wire.encode(event))

    def _positioned(self, fact: e.Positioned) -> wire.Positioned:
        entry = fact.entry
        return wire.Positioned(
            part_id=self._lane.part_id,
            location_id=self._lane.location_id,
            on_hand=fact.on_hand,
            version=entry.version,
            reason=entry.reason,
            quantity=entry.quantity,
            delivery_id=entry.delivery_id,
            shipped=tuple(wire.Shipped(line.order_id, line.line_id, line.units) for line in entry.shipped),
            occurred_at=entry.occurred_at,
            moved=fact.moved,
            source=wire.Source(entry.origin.topic, entry.origin.partition, entry.origin.offset),
            cause=entry.cause,
        )

    def _scheduled(self, fact: e.InboundChanged) -> bytes:
        # dates come from promises only so far, so the order of promises is the order of p50
        deliveries = tuple(
            self._inbound(delivery, delivery.announced) for delivery in still_to_come(self._lane) if delivery.announced
        )
        return wire.encode(
            wire.Scheduled(
                part_id=self._lane.part_id, location_id=self._lane.location_id, deliveries=deliveries, cause=fact.cause
            )
        )

    def _inbound(self, delivery: Delivery, announced: Announced) -> wire.Inbound:
        return wire.Inbound(
            delivery_id=delivery.delivery_id,
            supplier_id=announced.supplier_id,
            status=announced.status,
            quantity=announced.quantity,
            received_quantity=announced.received,
            open_quantity=delivery.open_quantity,
            version=announced.version,
            promised_at=announced.promised_at,
            first_promised_at=announced.first_promised_at,
            p50=announced.promised_at,
            p90=announced.promised_at + self._rules.margin,
            overdue=delivery.overdue,
        )

    def _discrepancy(self, fact: e.Discrepancy) -> wire.Discrepancy:
        return wire.Discrepancy(
            part_id=self._lane.part_id,
            location_id=self._lane.location_id,
            kind=fact.kind,
            detail=fact.detail,
            delivery_id=fact.delivery_id,
            expected=min(fact.expected, MAX_LEVEL),
            found=min(fact.found, MAX_LEVEL),
            since=fact.since,
        )
