"""How a delivery goes on, and what the lane's readers and people hear of it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from backorder_contracts.internal import Cause, DeliveryEntry
from inventory_sync.domain import doubts
from inventory_sync.domain import events as e
from inventory_sync.domain.model import Announced, Delivery, Lane, Rules

OVERDUE = "overdue"


def supplier_says(before: Delivery, entry: DeliveryEntry) -> Delivery:
    """The delivery by a newer version of its announcement."""
    known = before.announced
    moved = known is not None and known.promised_at != entry.promised_at
    announced = Announced(
        version=entry.version,
        supplier_id=entry.supplier_id,
        status=entry.status,
        quantity=entry.quantity,
        received=entry.received_quantity,
        promised_at=entry.promised_at,
        first_promised_at=known.first_promised_at if known else entry.promised_at,
        revisions=(known.revisions if known else 0) + moved,
    )
    return replace(before, announced=announced)


def came_in(before: Delivery, units: int) -> Delivery:
    """The delivery after a stock record brought units of it."""
    return replace(before, in_stock=before.in_stock + units)


def follow(before: Delivery, after: Delivery, cause: Cause, now: datetime, rules: Rules) -> list[e.Fact]:
    """What a change of a delivery leads to: doubts that begin or end, reminders, another list of what is to come."""
    after = replace(
        after,
        overdue=_is_overdue(after, now),
        doubts=doubts.followed(before.doubts, doubts.about(after, rules), now),
    )
    if after == before:
        return []
    facts: list[e.Fact] = [e.DeliveryNoted(after), *_reminders(before, after, rules)]
    if _listed(before) != _listed(after):
        facts.append(e.InboundChanged(cause))
    return facts


def look_again(delivery: Delivery, kind: str, now: datetime, rules: Rules) -> Sequence[e.Fact]:
    """What follows when a reminder rings."""
    if kind == OVERDUE:
        return follow(delivery, delivery, Cause("timer", OVERDUE), now, rules)
    return [doubts.told(delivery, doubt) for doubt in delivery.doubts if doubt.kind == kind]


def still_to_come(lane: Lane) -> list[Delivery]:
    """The open deliveries of a lane, in the order in which they are expected."""
    found = [
        (delivery.announced.promised_at, delivery.delivery_id, delivery)
        for delivery in lane.deliveries.values()
        if delivery.announced and delivery.is_open
    ]
    return [delivery for _, _, delivery in sorted(found, key=lambda item: item[:2])]


def _is_overdue(delivery: Delivery, now: datetime) -> bool:
    return delivery.announced is not None and delivery.is_open and delivery.announced.promised_at <= now


def _listed(delivery: Delivery) -> object:
    """What readers see of a delivery; None when it is not open."""
    return (delivery.announced, delivery.open_quantity, delivery.overdue) if delivery.is_open else None


def _reminders(before: Delivery, after: Delivery, rules: Rules) -> list[e.Fact]:
    due = _due(after)
    facts: list[e.Fact] = []
    if due != _due(before):
        facts.append(e.ReminderSet(OVERDUE, after.delivery_id, due))
    begun = [doubt for doubt in after.doubts if doubt not in before.doubts]
    ended = {doubt.kind for doubt in before.doubts} - {doubt.kind for doubt in after.doubts}
    facts += [e.ReminderSet(doubt.kind, after.delivery_id, doubt.since + rules.grace) for doubt in begun]
    facts += [e.ReminderSet(kind, after.delivery_id, None) for kind in sorted(ended)]
    return facts


def _due(delivery: Delivery) -> datetime | None:
    """When an open delivery will be overdue; None when it is already, or will never be."""
    waits = delivery.announced is not None and delivery.is_open and not delivery.overdue
    return delivery.announced.promised_at if delivery.announced and waits else None
