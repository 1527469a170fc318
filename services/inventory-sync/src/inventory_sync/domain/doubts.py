"""Where the two feeds tell different stories about a delivery.

Between the feeds some delay is normal, so a doubt has to last before people hear of it, once per onset.
"""

from collections.abc import Sequence
from datetime import datetime

from inventory_sync.domain import events as e
from inventory_sync.domain.model import Delivery, Doubt, Rules

FEED_STALE = "stock-feed-stale"
VERSION_CONFLICT = "version-conflict"
NOT_IN_STOCK = "received-not-in-stock"
NOT_ANNOUNCED = "in-stock-not-announced"
OVER_DELIVERED = "over-delivered"


def about(delivery: Delivery, rules: Rules) -> Sequence[str]:
    """The kinds of what does not add up now."""
    announced = delivery.announced
    if announced is None:
        return (NOT_ANNOUNCED,) if delivery.in_stock > 0 else ()
    kinds = []
    if rules.receipts_named and announced.received > delivery.in_stock:
        kinds.append(NOT_IN_STOCK)
    if delivery.come > announced.quantity:
        kinds.append(OVER_DELIVERED)
    return kinds


def followed(before: Sequence[Doubt], kinds: Sequence[str], now: datetime) -> tuple[Doubt, ...]:
    """Doubts that go on keep their beginning; the others begin now, or are gone."""
    known = {doubt.kind: doubt for doubt in before}
    return tuple(known.get(kind) or Doubt(kind, now) for kind in kinds)


def told(delivery: Delivery, doubt: Doubt) -> e.Discrepancy:
    """What people hear of a doubt that lasts."""
    name = f"delivery {delivery.delivery_id}"
    quantity, received = (delivery.announced.quantity, delivery.announced.received) if delivery.announced else (0, 0)
    if doubt.kind == NOT_IN_STOCK:
        expected, found = received, delivery.in_stock
        detail = f"{name}: the supplier feed says {received} units were received, stock records name {found}"
    elif doubt.kind == NOT_ANNOUNCED:
        expected, found = 0, delivery.in_stock
        detail = f"{name}: stock records name {found} units of it, but nobody announced it for this lane"
    else:
        expected, found = quantity, delivery.come
        detail = f"{name}: {found} units came, {quantity} were announced"
    return e.Discrepancy(doubt.kind, detail, expected, found, doubt.since, delivery.delivery_id)
