"""The pure cores of one shard, in memory, between their real wire forms: bytes in, the product's messages out."""

from dataclasses import dataclass, field

import msgspec

from backorder_contracts import identity
from backorder_contracts.internal import CommandEntry, OrderEntry, QueueNeed, SupplyEntry
from backorder_runtime.record import Message, Record
from gap_detector.domain import decide as gap_decide
from gap_detector.domain import events as gap
from gap_detector.domain import evolve as gap_evolve
from gap_detector.domain.model import Lane as GapLane
from gap_detector.domain.model import Ledger, Place
from gap_detector.domain.spread import addressed, spread
from gap_detector.publish import Teller as GapTeller
from gap_detector.supply import read_position
from inventory_sync.domain import decide as supply_decide
from inventory_sync.domain import events as supply
from inventory_sync.domain import evolve as supply_evolve
from inventory_sync.domain.model import Lane as SupplyLane
from inventory_sync.domain.model import Rules
from inventory_sync.publish import Teller as SupplyTeller
from priority_router.domain import decide as queue_decide
from priority_router.domain import evolve as queue_evolve
from priority_router.domain.lane_facts import UnknownNamed
from priority_router.domain.model import LaneQueue
from priority_router.inputs import named_back_order, read
from priority_router.publish import Teller as QueueTeller

PART = "BRK-204"
_entry = msgspec.json.Decoder(SupplyEntry)
_order = msgspec.json.Decoder(OrderEntry)
_need = msgspec.json.Decoder(QueueNeed)


class SupplySide:
    """inventory-sync: stock records become positions, each version once."""

    def __init__(self, locations):
        self.lanes = {identity.lane(PART, place): SupplyLane(PART, place) for place in locations}
        self.rules = Rules()

    def hear(self, value, now):
        entry = _entry.decode(value)
        lane = self.lanes[identity.lane(entry.part_id, entry.location_id)]
        event = supply.DeliveryArrived(entry) if hasattr(entry, "supplier_id") else entry
        teller = SupplyTeller(lane, self.rules)
        for fact in supply_decide.decide(lane, event, now, self.rules):
            supply_evolve.evolve(lane, fact)
            # its reminders are about people, not about units
            yield from (effect for effect in teller.tell(fact) if isinstance(effect, Message))


@dataclass
class GapSide:
    """gap-detector: `facts` are what followed from the last message."""

    locations: tuple
    ledger: Ledger = field(default_factory=Ledger)
    facts: list = field(default_factory=list)

    def __post_init__(self):
        for place in self.locations:
            self.ledger.lanes[identity.lane(PART, place)] = GapLane(PART, place)

    def lane(self, name):
        return self.ledger.lanes[name]

    def hear_lines(self, value, now):
        message = _order.decode(value)
        self.facts = []
        for lane, event in spread(self.ledger, *addressed(message)):
            yield from self._happen(lane, event, now)

    def hear_supply(self, value, now):
        moved = read_position(value)
        self.facts = []
        yield from self._happen(identity.lane(moved.part_id, moved.location_id), moved, now)

    def hear_need(self, value, now):
        need = _need.decode(value)
        self.facts = []
        yield from self._happen(identity.lane(need.part_id, need.location_id), need, now)

    def _happen(self, name, event, now):
        lane = self.ledger.lanes.get(name) or GapLane("", "")
        teller = GapTeller(lane, now)
        for fact in gap_decide.decide(lane, event):
            self.facts.append(fact)
            gap_evolve.evolve(lane, fact)
            match fact:  # what the shell keeps about orders
                case gap.LineEntered(line) if line.rerouted_from is None:
                    self.ledger.order(line.order_id).places[line.line_id] = Place(lane.name, ours=True)
                case gap.CancellationKept(kept):
                    self.ledger.order(kept.order_id).cancellations[kept.cancellation_id] = kept
            yield from teller.tell(fact)


class QueueSide:
    """priority-router. Closed back orders leave memory after every message and come back when they are named."""

    def __init__(self, locations, policy):
        self.queues = {identity.lane(PART, place): LaneQueue(PART, place, policy) for place in locations}
        self.closed = {}
        self.answered = set()
        self.facts = ()

    def orders(self, lane):
        """All back orders of a lane, closed ones too."""
        return {**self.queues[lane].orders, **{k: o for k, (where, o) in self.closed.items() if where == lane}}

    def hear(self, topic, key, value, now, ce_type=""):
        found = read(Record(topic, 0, 0, key.encode(), value, (("ce_type", ce_type.encode()),)))
        if found is None:
            return []
        lane, event = found
        if isinstance(event, CommandEntry):
            if event.cause.id in self.answered:
                return []
            self.answered.add(event.cause.id)
        return self.happen(lane, event, now)

    def happen(self, lane, event, now):
        """Facts and messages of one input."""
        queue = self.queues[lane]
        named = named_back_order(event)
        if named in self.closed:
            where, order = self.closed[named]
            if where == lane:
                queue.restore([order])
                del self.closed[named]
        teller = QueueTeller(queue, event if isinstance(event, CommandEntry) else None)
        effects = []
        self.facts = queue_decide.decide(queue, event, now)
        for fact in self.facts:
            queue_evolve.evolve(queue, fact)
            effects.extend(teller.tell(fact))
        effects.extend(teller.snapshots())
        for key in [key for key, order in queue.orders.items() if order.closed]:
            self.closed[key] = (lane, queue.orders[key])
            queue.forget(key)
        return effects

    def nobody_knew(self):
        """Whether the last message named a back order that does not exist."""
        return any(isinstance(fact, UnknownNamed) for fact in self.facts)
