"""What must hold between the two ledgers: after every message, in everything published, and at rest."""

from collections import Counter

import msgspec

from backorder_contracts import identity
from gap_detector.domain import events as gap

_decode = msgspec.json.Decoder().decode


class Books:
    """Checks a world while it runs. `events` counts what was published, `refused` the dead letters by reason."""

    def __init__(self, world):
        self.world = world
        self.events = Counter()
        self.messages = []
        self.refused = Counter()
        self.newest = {}
        self.rerouted = {}  # back order: units that left for another location

    @property
    def strict(self):
        """Whether everybody behaves: nothing is lost, and nothing ships that should not."""
        return not (self.world.losses or self.world.rogue)

    def after_gap(self, name):
        """The ledger has heard something."""
        lane, facts = self.world.gap.lane(name), self.world.gap.facts
        assert not lane.free > 0 < lane.needed, "a unit is free although somebody waits"
        assert lane.free >= 0, "lost stock still belongs to somebody"
        assert lane.covered <= lane.on_hand, "more is covered than there is"
        if self.strict:
            assert lane.handed >= 0, "the queue owes units"
            for fact in facts:
                assert not isinstance(fact, gap.Handed) or fact.units > 0, "units are taken back without a loss"
                assert not isinstance(fact, gap.Uncovered) or fact.cancelled, "cover is taken without a loss"

    def after_queue(self, name):
        """The queue has heard something."""
        queue = self.world.queue.queues[name]
        assert queue.idle >= 0 or not self.strict, "the queue owes units"
        assert queue.idle <= 0 or "settle" in queue.timers, "the queue keeps units that no line can use"

    def published(self, message):
        """A state event or a snapshot: versions are dense, and the quantities add up."""
        self.messages.append(message)
        state = _decode(message.value)
        key, quantity = state["back_order_id"], state["quantity"]
        if message.topic == "back-order-snapshot":
            assert state["version"] == self.newest[key]["version"], "a snapshot is not the newest state"
            return
        before = self.newest.get(key, {"version": 0})
        assert state["version"] == before["version"] + 1, f"{key}: version {state['version']} after {before['version']}"
        assert (message.type == "back-order.opened") == (state["version"] == 1)
        assert message.subject == key
        parts = ("waiting", "allocated", "released", "shipped", "cancelled")
        assert all(quantity[part] >= 0 for part in parts), quantity
        assert quantity["back_ordered"] == sum(quantity[part] for part in parts), quantity
        assert quantity["covered"] + quantity["back_ordered"] <= quantity["ordered"], quantity
        if message.type == "back-order.rerouted" or state.get("reason") == "rerouted":
            assert key not in self.rerouted, "a back order is rerouted twice"
            self.rerouted[key] = state["changed"]["cancelled"]
        self.newest[key] = state
        self.events[message.type] += 1

    # ── at rest ────────────────────────────────────────────────────────────────────────────────────────

    def close(self):
        """Nothing is under way: the two ledgers say the same, and nobody waits for what lies idle."""
        arrived = {}
        for name in self.world.levels:
            self._lane(name)
            orders = {order.ref: order for order in self.world.queue.orders(name).values()}
            for ref, line in self.world.gap.lane(name).lines.items():
                self._line(name, ref, line, orders.pop(ref, None))
                if line.detail is not None and line.detail.rerouted_from is not None:
                    arrived[line.detail.rerouted_from] = line.detail.quantity
            assert not orders, "the queue has a line that the ledger does not know"
        assert arrived == self.rerouted, "what was rerouted is not what arrived"

    def _lane(self, name):
        lane, queue = self.world.gap.lane(name), self.world.queue.queues[name]
        orders = self.world.queue.orders(name).values()
        held = sum(order.allocated + order.released for order in orders)
        counted = sum(order.counted for order in orders)
        assert lane.on_hand == self.world.levels[name]
        assert lane.handed == queue.idle + held, "P = U + A"
        assert lane.needed + lane.handed == counted == sum(line.counted for line in lane.lines.values())
        assert lane.covered == sum(line.covered for line in lane.lines.values())
        assert queue.idle <= 0, "idle units stay in the queue"
        # only released units may be missing: all others were taken back to pay
        assert lane.covered + held + queue.idle <= lane.on_hand, "C + A ≤ H, but for what is owed"
        assert queue.idle == 0 or not any(order.allocated for order in orders), "units are set aside that are owed"
        if any(order.waiting and not order.held for order in orders):
            assert lane.free == 0, "somebody waits although a unit is free"
        timers = {key: at for (where, key), at in self.world.timers.items() if where == name}
        assert timers == queue.timers, "the timers that were asked for are not those that the queue means"

    def _line(self, name, ref, line, order):
        lane = self.world.gap.lane(name)
        shipped = self.world.shipped[name, ref]
        assert line.shipped == shipped, "a shipment was counted twice, or not at all"
        if line.detail is None:
            assert (line.need, line.counted, line.covered, order) == (0, 0, 0, None)
            return
        assert (order is not None) == line.opened
        back_ordered, done = (order.back_ordered, order.cancelled) if order else (0, 0)
        if order is not None:
            assert order.back_order_id == identity.back_order_id(*self._place(ref, lane))
            assert (line.need, line.counted) == (order.need, order.counted), "the ledgers drift apart"
            want = order.allocated + order.released if order.held else order.need
            assert order.counted == want, "the ledger counts what the line does not need"
            assert min(order.waiting, order.allocated, order.released, order.shipped, order.cancelled) >= 0
            assert not order.held or not order.allocated
            assert not order.closed or not order.need
        assert line.cancelling == 0
        assert min(line.covered, line.cover_shipped, line.need, line.cancelled - done) >= 0
        # every unit of the order is in one place: covered, shipped, back ordered, or cancelled
        assert line.detail.quantity == line.cover + back_ordered + (line.cancelled - done)
        # a cancellation follows a line wherever it was rerouted to
        if self._unwanted(line.detail):
            assert not line.covered, "a cancelled line keeps its cover"
            assert line.need == (order.released if order else 0), "a cancelled line wants more than is released"
        gone = line.cover_shipped + (order.shipped if order else 0)
        assert gone <= shipped, "more is said to have left than the warehouse shipped"
        assert not self.strict or gone == shipped, "a shipment of an honest warehouse is nobody's"

    def _unwanted(self, line):
        """Whether the whole order was cancelled after the line was placed, or all of the line was."""
        return any(
            line.placed_at <= cancelled.cancelled_at
            if cancelled.lines is None
            else any(x.line_id == line.line_id and x.quantity is None for x in cancelled.lines)
            for cancelled in self.world.cancelled
            if cancelled.order_id == line.order_id
        )

    @staticmethod
    def _place(ref, lane):
        return ref.order_id, ref.line_id, lane.part_id, lane.location_id
