"""The whole play for a seed: everyday business, the named scenes, and what breaks the contract."""

from __future__ import annotations

from random import Random

from backorder_dev.demo.acts import Garbage, PlaceOrder, Plan, RepeatOrder, Timed
from backorder_dev.demo.catalogue import make_catalogue
from backorder_dev.demo.stories import CUSTOMERS, STORIES
from backorder_dev.demo.trade import Trade

_CONTRADICTIONS = 3


def make_plan(*, seed: int, lines: int, seconds: float) -> Plan:
    """Plan a play of so many seconds with so many order lines, scenes included. The same for the same arguments."""
    random = Random(seed)  # noqa: S311 - a play, not a secret
    catalogue = make_catalogue(random)
    trade = Trade(random, catalogue, seconds)
    scenes = [timed for story in STORIES for timed in story.timed(seconds)]
    trade.plan(max(0, lines - sum(isinstance(timed.act, PlaceOrder) for timed in scenes)))
    mishaps = [*_contradictions(random, trade.acts, seconds), *_garbage(random, seconds)]
    acts = sorted([*trade.acts, *scenes, *mishaps], key=lambda timed: timed.at)
    return Plan(
        opening=(*trade.opening, *(act for story in STORIES for act in story.opening)),
        acts=tuple(acts),
        seconds=seconds,
        customers={customer.customer_id: customer.tier for customer in catalogue.customers} | CUSTOMERS,
    )


def _contradictions(random: Random, acts: list[Timed], seconds: float) -> list[Timed]:
    """The same order with another quantity: the first stands, the second is refused."""
    early = [timed for timed in acts if isinstance(timed.act, PlaceOrder) and timed.at < seconds / 2]
    chosen = random.sample(early, min(_CONTRADICTIONS, len(early)))
    return [
        Timed(timed.at + random.uniform(1, 5), RepeatOrder(timed.act.order_id, other_quantity=999))
        for timed in chosen
        if isinstance(timed.act, PlaceOrder)
    ]


def _garbage(random: Random, seconds: float) -> list[Timed]:
    return [Timed(random.uniform(0.1, 0.8) * seconds, act) for act in GARBAGE]


_LINE = '{"line_id": "1", "part_id": "BRK-100", "location_id": "W1", "quantity": 1}'
_WHO = '"customer": {"customer_id": "C-101"}'

GARBAGE = (
    Garbage("order-placed", '{"order_id": "SO-BAD-1", "placed_at": ', "not-json", "gap-detector"),
    Garbage(
        "order-placed",
        f'{{"order_id": "SO-BAD-2", "placed_at": "NOW", {_WHO}, "lines": [{_LINE.replace(": 1}", ": 0}")}]}}',
        "bad-quantity",
        "gap-detector",
    ),
    Garbage(
        "order-placed",
        f'{{"order_id": "SO-BAD-3", "placed_at": "NOW", {_WHO}, "lines": [{_LINE}, {_LINE}]}}',
        "duplicate-line",
        "gap-detector",
    ),
    Garbage(
        "order-placed",
        f'{{"order_id": "SO-BAD-4", "placed_at": "NOW", "lines": [{_LINE}]}}',
        "missing-field",
        "gap-detector",
    ),
    Garbage(
        "order-placed",
        f'{{"order_id": "SO-BAD-5", "placed_at": "NOW", {_WHO}, "lines": [{_LINE}]}}',
        "wrong-type",
        "gap-detector",
        ce_type="invoice.sent",
    ),
    Garbage("order-cancelled", '{"cancelled_at": "NOW"}', "missing-field", "gap-detector"),
    Garbage(
        "stock-changed",
        '{"part_id": "BRK-100", "location_id": "W1", "on_hand": -4, "version": 999999, "occurred_at": "NOW", '
        '"reason": "counted"}',
        "bad-quantity",
        "inventory-sync",
    ),
    Garbage(
        "supplier-delivery",
        '{"delivery_id": "PO-BAD/1", "supplier_id": "SUP-01", "part_id": "BRK-100", "location_id": "W1", "version": 1, '
        '"status": "promised", "quantity": 5, "received_quantity": 0, "promised_at": "next Tuesday", '
        '"occurred_at": "NOW"}',
        "bad-time",
        "inventory-sync",
    ),
    Garbage(
        "back-order-command",
        '{"command_id": "CMD-1", "back_order_id": "BO-unheard-of", "part_id": "BRK-100", "location_id": "W1", '
        '"action": "hold", "requested_by": "desk-1"}',
        "unknown-back-order",
        "priority-router",
    ),
)
