"""The parts business: plays a plan, and reacts to what the system publishes. Pure: no clock, no I/O.

Times are seconds since the epoch. `tide` is the time until which the system has taken in, and answered, all that was
published: a scene goes on, and the warehouse picks a new order, only when the tide has passed what it rests on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import singledispatchmethod
from random import Random
from typing import Any

from backorder_dev.demo import acts, papers
from backorder_dev.demo.purchasing import Purchasing
from backorder_dev.demo.records import Event, Publication
from backorder_dev.demo.stories import STORIES
from backorder_dev.demo.warehouse import Warehouse

_RETRY = 0.5  # seconds until a cancellation that has to wait is tried again

_BOOKED = 1.5  # seconds from the arrival of goods to purchasing's entry


@dataclass(slots=True)
class _Scene:
    """A named scene in play: what is still to come, and when its last act was published."""

    lane: str
    left: deque[acts.Timed] = field(default_factory=deque)
    last_at: float = 0.0


class Business:
    """Customers, warehouse and purchasing under one roof."""

    def __init__(self, plan: acts.Plan, *, seed: int) -> None:
        """Prepare the play of a plan; `seed` decides how long the warehouse takes for each pick."""
        self._plan = plan
        self.warehouse = Warehouse(Random(seed))  # noqa: S311 - a play, not a secret
        self.purchasing = Purchasing()
        self._orders: dict[str, tuple[acts.PlaceOrder, Publication]] = {}
        self._stock: dict[tuple[str, str], Publication] = {}
        self._everyday = deque(timed for timed in plan.acts if timed.story is None)
        self._postponed: list[acts.Timed] = []
        self._scenes = {story.name: _Scene(story.lane) for story in STORIES}
        for timed in plan.acts:
            if timed.story is not None:
                self._scenes[timed.story].left.append(timed)
        self._cancellations = 0
        self._began: float | None = None

    def opening(self, now: float) -> list[Publication]:
        """What there is before the play: stock, and deliveries on their way."""
        return [record for act in self._plan.opening for record in self._do(act, now)]

    def begin(self, now: float) -> None:
        """The times of the plan count from now."""
        self._began = now

    @property
    def done(self) -> bool:
        """Whether every act of the plan has been played."""
        return not self._everyday and not self._postponed and not any(scene.left for scene in self._scenes.values())

    def at_rest(self, tide: float) -> bool:
        """Whether nothing more will be published, as far as the system has spoken until `tide`."""
        return self.done and self.warehouse.at_rest(tide)

    def hear(self, event: Event) -> None:
        """React to what the system says; only states of back orders are the business's business."""
        if event.topic == "back-order-state" and event.data is not None:
            self.warehouse.hear(event.data, event.seen_at)

    def due(self, now: float, tide: float) -> list[Publication]:
        """What is to be published now, in this order."""
        records = [record for act in self._due_acts(now, tide) for record in self._do(act, now)]
        closed = [scene.lane for scene in self._scenes.values() if scene.left or scene.last_at > tide]
        records.extend(map(self._stocked, self.warehouse.ship(now, tide, closed)))
        return records

    def _due_acts(self, now: float, tide: float) -> Iterator[acts.Act]:
        since = self._since(now)
        for scene in self._scenes.values():
            if scene.left and scene.left[0].at <= since and scene.last_at <= tide and self._ready(scene.left[0], tide):
                scene.last_at = now
                yield scene.left.popleft().act
        waiting, self._postponed = self._postponed, []
        while self._everyday and self._everyday[0].at <= since:
            waiting.append(self._everyday.popleft())
        for timed in waiting:
            if timed.at > since or not self._ready(timed, tide):
                self._postponed.append(timed if timed.at > since else replace(timed, at=since + _RETRY))
            else:
                yield timed.act

    def _since(self, now: float) -> float:
        return 0.0 if self._began is None else now - self._began

    def _ready(self, timed: acts.Timed, tide: float) -> bool:
        """Only a cancellation has to wait at times; one for which it is too late counts as ready, and does nothing."""
        if not isinstance(timed.act, acts.CancelOrder):
            return True
        return self.warehouse.may_cancel(timed.act.order_id, tide) is not False

    # ── acts ───────────────────────────────────────────────────────────────────────────────────────────

    @singledispatchmethod
    def _do(self, act: acts.Act, now: float) -> list[Publication]:
        raise TypeError(f"nobody knows how to play {type(act).__name__} at {now}")

    @_do.register
    def _(self, act: acts.PlaceOrder, now: float) -> list[Publication]:
        record = papers.by_order_system("order.placed", f"placed-{act.order_id}", papers.order_placed(act, now), now)
        self._orders[act.order_id] = act, record
        self.warehouse.take_order(act, now)
        return [record]

    @_do.register
    def _(self, act: acts.RepeatOrder, now: float) -> list[Publication]:
        _, record = self._orders[act.order_id]
        if act.other_quantity is None:
            return [record]
        data = record.data or {}
        first, *others = data["lines"]
        other = {**data, "lines": [{**first, "quantity": act.other_quantity}, *others]}
        return [
            papers.by_order_system("order.placed", f"again-{act.order_id}", other, now, refused="conflicting-duplicate")
        ]

    @_do.register
    def _(self, act: acts.CancelOrder, now: float) -> list[Publication]:
        if self.warehouse.may_cancel(act.order_id, now) is None:
            return []
        self.warehouse.cancel(act.order_id, act.quantity, now)
        self._cancellations += 1
        data: dict[str, Any] = {
            "order_id": act.order_id,
            "cancelled_at": papers.stamp(now),
            "reason": act.reason,
        }
        if act.quantity is not None:
            order, _ = self._orders[act.order_id]
            data["lines"] = [{"line_id": order.lines[0].line_id, "quantity": act.quantity}]
        return [papers.by_order_system("order.cancelled", f"cancel-{self._cancellations}", data, now)]

    @_do.register
    def _(self, act: acts.Stock, now: float) -> list[Publication]:
        shelf = self.warehouse.shelf(act.part_id, act.location_id)
        return [self._stocked(shelf.change(act.on_hand, "counted", now))]

    @_do.register
    def _(self, act: acts.Recount, now: float) -> list[Publication]:
        shelf = self.warehouse.shelf(act.part_id, act.location_id)
        return [self._stocked(shelf.change(shelf.level, "counted", now))]

    @_do.register
    def _(self, act: acts.RepeatStock, _now: float) -> list[Publication]:
        return [self._stock[act.part_id, act.location_id]]

    @_do.register
    def _(self, act: acts.Damage, now: float) -> list[Publication]:
        shelf = self.warehouse.shelf(act.part_id, act.location_id)
        left = max(0, shelf.level - act.units)
        return [self._stocked(shelf.change(left, "scrapped", now, quantity=shelf.level - left))]

    @_do.register
    def _(self, act: acts.Announce, now: float) -> list[Publication]:
        return [papers.by_purchasing(self.purchasing.announce(act, now), now)]

    @_do.register
    def _(self, act: acts.Revise, now: float) -> list[Publication]:
        return [papers.by_purchasing(self.purchasing.revise(act.delivery_id, act.days, now), now)]

    @_do.register
    def _(self, act: acts.Despatch, now: float) -> list[Publication]:
        return [papers.by_purchasing(self.purchasing[act.delivery_id].say("shipped", now), now)]

    @_do.register
    def _(self, act: acts.CallOff, now: float) -> list[Publication]:
        return [papers.by_purchasing(self.purchasing[act.delivery_id].say("cancelled", now), now)]

    @_do.register
    def _(self, act: acts.Receive, now: float) -> list[Publication]:
        where = self.purchasing[act.delivery_id].announced
        shelf = self.warehouse.shelf(where.part_id, where.location_id)
        arrived = shelf.change(
            shelf.level + act.units, "received", now, quantity=act.units, delivery_id=act.delivery_id
        )
        self._postponed.append(acts.Timed(self._since(now) + _BOOKED, acts.Book(act.delivery_id, act.units)))
        return [self._stocked(arrived)]

    @_do.register
    def _(self, act: acts.Book, now: float) -> list[Publication]:
        return [papers.by_purchasing(self.purchasing.receive(act.delivery_id, act.units, now), now)]

    @_do.register
    def _(self, act: acts.Garbage, now: float) -> list[Publication]:
        return [papers.garbage(act, now)]

    def _stocked(self, data: dict[str, Any]) -> Publication:
        record = papers.by_warehouse(data)
        self._stock[data["part_id"], data["location_id"]] = record
        return record
