"""A lane without a broker and a database: entries go in, time passes, published events come out."""

from datetime import UTC, datetime, timedelta

from backorder_contracts.internal import Cause, DeliveryEntry, Origin, ShippedLine, StockEntry
from backorder_contracts.supply import InboundScheduled, StockPositioned, SupplyDiscrepancy
from backorder_runtime.record import DeadLetter, Latest, Message, SetTimer
from inventory_sync.domain.decide import decide
from inventory_sync.domain.events import DeliveryArrived, TimeCame
from inventory_sync.domain.evolve import evolve
from inventory_sync.domain.model import Lane, Rules
from inventory_sync.publish import Teller

START = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
CALM = Rules(grace=timedelta(days=9_999))
"""No feed looks stale, whatever the database's clock says beside that of the stories."""
MODELS = {model.ce_type: model for model in (StockPositioned, InboundScheduled, SupplyDiscrepancy)}


def stock(version, on_hand, *, reason="counted", quantity=None, delivery_id=None, shipped=(), offset=None):
    """A stock record; `shipped` are (order, units)."""
    return StockEntry(
        part_id="P",
        location_id="L",
        on_hand=on_hand,
        version=version,
        occurred_at=START,
        reason="shipped" if shipped else reason,
        cause=Cause("stock.changed", f"s{version}", delivery_id),
        origin=Origin("stock-changed", 0, version if offset is None else offset),
        quantity=quantity,
        delivery_id=delivery_id,
        shipped=tuple(ShippedLine(order, "1", units) for order, units in shipped),
    )


def received(version, on_hand, delivery_id, quantity):
    """A stock record of a receipt."""
    return stock(version, on_hand, reason="received", quantity=quantity, delivery_id=delivery_id)


def delivery(version, quantity=10, *, name="PO-1", status="promised", got=0, due=24 * HOUR, offset=None):
    """A version of a supplier delivery that is promised `due` after the start."""
    return DeliveryEntry(
        delivery_id=name,
        supplier_id="SUP",
        part_id="P",
        location_id="L",
        version=version,
        status=status,
        quantity=quantity,
        received_quantity=got,
        promised_at=START + due,
        occurred_at=START,
        cause=Cause("supplier.delivery", f"{name}/{version}"),
        origin=Origin("supplier-delivery", 0, version if offset is None else offset),
    )


class World:
    """One lane and a clock. `parts` may be another `decide` and `Teller`, to see whether the tests notice."""

    def __init__(self, rules=None, parts=None):
        self.now = START
        self.lane = Lane("P", "L")
        self.rules = rules or Rules()
        self.timers = {}
        self.events = []
        self.letters = []
        self._decide, self._teller = parts or (decide, Teller)

    def take(self, *entries):
        """Take entries one after the other; returns the events that they led to."""
        before = len(self.events)
        for entry in entries:
            self._happen(DeliveryArrived(entry) if isinstance(entry, DeliveryEntry) else entry)
        return self.events[before:]

    def happen(self, event):
        before = len(self.events)
        self._happen(event)
        return self.events[before:]

    def passes(self, time):
        """Let time pass, ringing every reminder when it is due; returns the events that it led to."""
        before = len(self.events)
        end = self.now + time
        while due := sorted((at, key) for key, at in self.timers.items() if at <= end):
            at, key = due[0]
            del self.timers[key]
            self.now = max(self.now, at)
            kind, _, delivery_id = key.partition(" ")
            self._happen(TimeCame(kind, delivery_id))
        self.now = end
        return self.events[before:]

    def _happen(self, event):
        facts = self._decide(self.lane, event, self.now, self.rules)
        teller = self._teller(self.lane, self.rules)
        for fact in facts:
            evolve(self.lane, fact)
            for effect in teller.tell(fact):
                self._keep(effect)

    def _keep(self, effect):
        match effect:
            case Message(topic, key, kind, value):
                assert (topic, key) == ("supply", "P@L")
                self.events.append(MODELS[kind].model_validate_json(value))
            case Latest(topic, lane, kind, write):
                self._keep(Message(topic, lane, kind, write()))
            case SetTimer(_, key, None):
                self.timers.pop(key, None)
            case SetTimer(_, key, due_at):
                self.timers[key] = due_at
            case DeadLetter():
                self.letters.append(effect)

    def of(self, model):
        return [event for event in self.events if isinstance(event, model)]

    @property
    def positions(self):
        return self.of(StockPositioned)

    @property
    def inbound(self):
        """What readers think is still to come: delivery → open units."""
        told = self.of(InboundScheduled)
        return {each.delivery_id: each.open_quantity for each in told[-1].deliveries} if told else {}

    @property
    def doubts(self):
        return [(each.kind, each.delivery_id, each.expected, each.found) for each in self.of(SupplyDiscrepancy)]
