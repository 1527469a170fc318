"""A parts business: customers, a warehouse and planners, and all that they may do to the two ledgers.

A step is three numbers: what happens, which of those it may happen to, and how much of it. So a run is a list of
steps, whoever draws them; zeros are the dullest run.
"""

import msgspec
from handover_sides import PART
from handover_world import HOUR, LANES, LOCATIONS, SECOND, World
from msgspec.structs import astuple, replace

from backorder_contracts import identity
from backorder_contracts.internal import (
    CommandEntry,
    DeliveryEntry,
    LineCancel,
    LineDetail,
    LinePlaced,
    LineRef,
    OrderCancelled,
    ShippedLine,
    StockEntry,
)
from backorder_runtime.record import Message
from priority_router.domain.events import PolicyTaken
from priority_router.domain.policy import Band, Policy, Strategy

IMPACTS = ("down", "degraded", "none")
COMMANDS = ("hold", "resume", "cancel", "expedite", "release", "resume", "reroute", "cancel", "nonsense")
_encode = msgspec.json.Encoder().encode


def _policy(version, strategies, **changes):
    manual = changes.pop("manual", None)
    bands = tuple(Band(f"b{i}", (i + 1) * 24 * HOUR, s, manual=i == manual) for i, s in enumerate(strategies))
    last = len(bands) - 1
    return Policy(version, bands, lambda line: min(IMPACTS.index(line["service_impact"]), last), **changes)


POLICIES = (
    _policy("1", (Strategy.WIN, Strategy.GAIN, Strategy.FILL)),
    _policy("2", (Strategy.WIN, Strategy.FILL), release_debounce=0 * SECOND),
    _policy("3", (Strategy.GAIN, Strategy.WIN, Strategy.FILL), manual=2, tolerance=HOUR),
)
# how often each thing happens in a run; the dullest comes first
HAPPENINGS = (
    *["deliver"] * 14,
    *["order"] * 4,
    *["receive"] * 3,
    *["ship"] * 3,
    *["cancel"] * 2,
    *["command"] * 3,
    *["wait"] * 2,
    *["lose", "order_again", "cancel_again", "stock_again", "swap_stock", "announce", "count", "change_policy"],
)


class Business(World):
    """`losses`: stock may vanish and records come late. `rogue`: the warehouse ships whatever it likes."""

    def __init__(self, *, losses=False, rogue=False):
        super().__init__(POLICIES[0], losses=losses, rogue=rogue)

    def play(self, step):
        what, which, units = step
        self.steps += 1
        getattr(self, HAPPENINGS[what % len(HAPPENINGS)])(which, 1 + units % 9)

    # ── customers ──────────────────────────────────────────────────────────────────────────────────────

    def order(self, which, units):
        number = len(self.lines)
        line = LineDetail(
            order_id=f"O{number // 2}",
            line_id=str(number % 2 + 1),
            part_id=PART,
            location_id=LOCATIONS[which % 5 == 0],
            quantity=units,
            placed_at=self.now - HOUR * (which % 3),
            customer_id=f"C-{which % 4}",
            service_impact=IMPACTS[which // 2 % 3],
            ship_policy="complete" if which % 7 == 0 else "available",
            need_by=self.now + HOUR * which if which % 11 == 0 else None,
        )
        self.lines.append(line)
        self._place(line)

    def order_again(self, which, units):
        if self.lines:
            line = self.lines[which % len(self.lines)]
            others = ({}, {}, {"quantity": line.quantity + 1}, {"location_id": "W2"})
            self._place(replace(line, **others[units % len(others)]))

    def _place(self, line):
        placed = LinePlaced(line, self.cause("order.placed"), self.origin("order-placed"))
        lane = identity.lane(line.part_id, line.location_id)
        self.enter_line(Message("order-line", lane, "order-line.placed", _encode(placed)))

    def cancel(self, which, units):
        at = which % (len(self.lines) + 1)
        # one past the end is the line that comes next: cancelled before it is placed
        order_id, line_id = f"O{at // 2}", str(at % 2 + 1)
        if self.rerouted and which % 3 == 0:
            order_id, line_id = astuple(self.rerouted[which % len(self.rerouted)])
        named = (LineCancel(line_id, units if units < 7 else None),) if units < 9 else None
        if not self.rogue and not self._all_shipments_known(order_id):
            return
        cause = self.cause("order.cancelled")
        cancelled = OrderCancelled(cause.id, order_id, self.now, cause, self.origin("order-cancelled"), named)
        self.cancelled.append(cancelled)
        self._cancel(cancelled)

    def cancel_again(self, which, _units):
        if self.cancelled:
            self._cancel(self.cancelled[which % len(self.cancelled)])

    def _cancel(self, cancelled):
        message = Message("order-line", cancelled.order_id, "order-line.cancelled", _encode(cancelled), everywhere=True)
        self.enter_line(message)

    def _all_shipments_known(self, order_id):
        return all(
            (line := self.gap.lane(lane).lines.get(ref)) is not None and line.shipped == units
            for (lane, ref), units in self.shipped.items()
            if ref.order_id == order_id
        )

    # ── the warehouse ──────────────────────────────────────────────────────────────────────────────────

    def receive(self, which, units):
        lane = LANES[which % 4 == 0]
        self.levels[lane] += units
        named = f"PO-{which % 3}-{lane}" if which % 2 else None
        self._record(lane, "received", quantity=units, delivery_id=named)

    def lose(self, which, units):
        lane = LANES[which % 2]
        if self.losses and self.levels[lane]:
            self.levels[lane] = max(0, self.levels[lane] - units)
            self._record(lane, "counted")

    def count(self, which, _units):
        self._record(LANES[which % 2], "counted")

    def ship(self, which, units):
        if self.rogue and which % 2:
            self._ship_anything(which // 2, units)
            return
        ready = [(lane, ref, n) for lane in LANES for ref, n in self._shippable(lane)]
        if ready:
            lane, ref, most = ready[which % len(ready)]
            self._leave(lane, ref, min(units, most), min(units, most))

    def _shippable(self, lane):
        """Lines that the warehouse was told to ship, and how many units of each are left to go."""
        orders = {order.ref: order for order in self.queue.orders(lane).values()}
        for ref, line in self.gap.lane(lane).lines.items():
            order = orders.get(ref)
            told = line.cover + (order.released + order.shipped if order else 0)
            left = min(told - self.shipped[lane, ref], self.levels[lane])
            if left > 0 and not self.cancels_under_way[ref.order_id] and not self._is_cancelling(ref):
                yield ref, left

    def _is_cancelling(self, ref):
        """Whether a queue was asked to cancel units of the line, wherever it was rerouted to, and has not answered."""
        lines = (self.gap.lane(lane).lines.get(ref) for lane in LANES)
        return any(line is not None and line.cancelling for line in lines)

    def _ship_anything(self, which, units):
        """Units of any line, known or not, ordered or not; the level may know of it or not."""
        lane = LANES[which % 2]
        at = which // 2 % (len(self.lines) + 2)
        fall = 0 if which % 5 == 0 else min(units, self.levels[lane])
        self._leave(lane, LineRef(f"O{at // 2}", str(at % 2 + 1)), units, fall)

    def _leave(self, lane, ref, units, fall):
        self.shipped[lane, ref] += units
        self.levels[lane] -= fall
        self._record(lane, "shipped", shipped=(ShippedLine(ref.order_id, ref.line_id, units),))

    def _record(self, lane, reason, **fields):
        self.versions[lane] += 1
        cause = self.cause("stock.changed", fields.get("delivery_id"))
        part, place = PART, LOCATIONS[LANES.index(lane)]
        record = StockEntry(
            part, place, self.levels[lane], self.versions[lane], self.now, reason, cause, self.origin("stock-changed"),
            **fields,
        )  # fmt: skip
        self.stock_records.append((lane, record))
        self._send_entry(lane, record)

    def stock_again(self, which, _units):
        if self.stock_records:
            self._send_entry(*self.stock_records[which % len(self.stock_records)])

    def swap_stock(self, which, _units):
        """The two newest records overtake each other."""
        channel = self.channels[f"supply-entry {LANES[which % 2]}"]
        if self.losses and len(channel) > 1:
            channel[-1], channel[-2] = channel[-2], channel[-1]

    def announce(self, which, units):
        lane = LANES[which % 2]
        self.made += 1
        entry = DeliveryEntry(
            f"PO-{which % 3}-{lane}", "S-1", PART, LOCATIONS[which % 2], self.made,
            "cancelled" if units == 1 else "promised", 3 * units, 0, self.now + HOUR * (which % 50), self.now,
            self.cause("supplier.delivery"), self.origin("supplier-delivery"),
        )  # fmt: skip
        self._send_entry(lane, entry)

    def _send_entry(self, lane, entry):
        self.channels[f"supply-entry {lane}"].append(Message("supply-entry", lane, "supply-entry", _encode(entry)))

    # ── planners ───────────────────────────────────────────────────────────────────────────────────────

    def command(self, which, units):
        action = COMMANDS[units % len(COMMANDS)]
        known = [(lane, order) for lane in LANES for order in self.queue.orders(lane).values()]
        fitting = [(lane, o) for lane, o in known if o.need > o.released and o.held == (action == "resume")]
        known = fitting if fitting and which % 7 else known
        if not known:
            return
        lane, order = known[which % len(known)]
        place = order.line.location_id
        cause = self.cause("back-order.command")
        command = CommandEntry(
            command_id=cause.id,
            back_order_id=order.back_order_id if which % 13 else "BO-unknown",
            part_id=PART,
            location_id=place,
            action=action,
            requested_by="planner",
            cause=cause,
            origin=self.origin("back-order-command"),
            band=f"b{which % 4}",
            quantity=None if which % 3 == 0 else 1 + which % 5,
            to_location_id=LOCATIONS[1 - LOCATIONS.index(place)],
        )
        message = Message("queue-command", lane, "queue-command", _encode(command))
        for _ in range(1 + (which % 5 == 0)):
            self.channels[f"queue-command {lane}"].append(message)

    def change_policy(self, which, _units):
        policy = POLICIES[which % len(POLICIES)]
        for lane in LANES:
            if self.queue.queues[lane].policy is not policy:
                self.send(self.queue.happen(lane, PolicyTaken(policy, self.cause("policy")), self.now))
                self.books.after_queue(lane)
