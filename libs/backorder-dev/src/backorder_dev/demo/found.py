"""What the services published, put in order: one history per back order, repetitions apart."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from backorder_contracts.identity import lane
from backorder_dev.demo.account import Ref
from backorder_dev.demo.board import CLOSED
from backorder_dev.demo.records import Event

State = dict[str, Any]


@dataclass(slots=True)
class BackOrder:
    """A back order: its events by version, in the order in which they stand in their partition."""

    back_order_id: str
    events: list[Event] = field(default_factory=list)

    @property
    def states(self) -> list[State]:
        """The state after each event."""
        return [event.data for event in self.events if event.data is not None]

    @property
    def last(self) -> State:
        """The newest state."""
        return self.states[-1]

    @property
    def ref(self) -> Ref:
        """Its order line."""
        return (self.last["order_id"], self.last["line_id"])

    @property
    def lane(self) -> str:
        """Its lane."""
        return lane(self.last["part_id"], self.last["location_id"])

    @property
    def units(self) -> dict[str, int]:
        """Its units by where they are."""
        quantity: dict[str, int] = self.last["quantity"]
        return quantity

    @property
    def need(self) -> int:
        """Units that it still waits for or holds."""
        return self.units["back_ordered"] - self.units["shipped"] - self.units["cancelled"]

    @property
    def closed(self) -> bool:
        """Whether it has ended."""
        return self.last["status"] in CLOSED

    def of_type(self, name: str) -> list[Event]:
        """Its events of a type, such as `allocated`."""
        return [event for event in self.events if event.type == f"back-order.{name}"]


@dataclass(slots=True)
class Found:
    """Everything that was published, sorted.

    Attributes:
        back_orders: by their id.
        contradictions: repeated events that are not identical, in words.
        positions: lane → stock version → its `stock.positioned` events.
        inbound: lane → the deliveries of its newest `inbound.scheduled`.
        snapshots: back order → its newest snapshot.
        outcomes: notification → what became of it.
        letters: dead letters.
    """

    back_orders: dict[str, BackOrder] = field(default_factory=dict)
    contradictions: list[str] = field(default_factory=list)
    positions: dict[str, dict[int, list[State]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(list)))
    inbound: dict[str, list[State]] = field(default_factory=dict)
    snapshots: dict[str, State] = field(default_factory=dict)
    outcomes: dict[str, State] = field(default_factory=dict)
    letters: list[Event] = field(default_factory=list)

    @classmethod
    def of(cls, events: Iterable[Event]) -> Found:
        """Sort what was published; an event that lacks what it must have is left out here."""
        found = cls()
        seen: dict[tuple[str, int], Event] = {}
        told: set[str] = set()
        for event in sorted(events, key=lambda each: (each.topic, each.partition, each.offset)):
            if event.topic.endswith(".dead-letter"):
                found.letters.append(event)
            elif event.data:
                with contextlib.suppress(LookupError, TypeError):
                    found._sort(event, event.data, seen, told)
        return found

    def _sort(self, event: Event, data: State, seen: dict[tuple[str, int], Event], told: set[str]) -> None:
        match event.topic:
            case "back-order-state":
                self._state(event, data, seen)
            case "supply":
                self._supply(event, data, told)
            case "back-order-snapshot":
                self.snapshots[event.key] = data
            case "notification-outcome":
                self.outcomes[data["notification_id"]] = data

    def _state(self, event: Event, data: State, seen: dict[tuple[str, int], Event]) -> None:
        name, version = data["back_order_id"], data["version"]
        before = seen.get((name, version))
        if before is None:
            seen[name, version] = event
            self.back_orders.setdefault(name, BackOrder(name)).events.append(event)
        elif (before.id, before.type, before.data) != (event.id, event.type, event.data):
            self.contradictions.append(f"{name} version {version}: {before.id} and {event.id}")

    def _supply(self, event: Event, data: State, told: set[str]) -> None:
        if event.id in told:
            return
        told.add(event.id)
        where = lane(data["part_id"], data["location_id"])
        if event.type == "stock.positioned":
            self.positions[where][data["version"]].append(data)
        elif event.type == "inbound.scheduled":
            self.inbound[where] = data["deliveries"]

    def of_line(self, order_id: str, line_id: str = "1") -> BackOrder | None:
        """The back order of a line; None when it has none."""
        ref = (order_id, line_id)
        return next((each for each in self.back_orders.values() if each.ref == ref), None)

    def of_lane(self, where: str) -> list[Event]:
        """The state events of a lane, in their order."""
        events = [event for each in self.back_orders.values() if each.lane == where for event in each.events]
        return sorted(events, key=lambda event: event.offset)
