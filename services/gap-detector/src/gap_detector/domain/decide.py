"""What follows from an event, for one lane: pure and total.

Rules of the ledger (the queue's are the priority-router's): a new line takes free units unless somebody
waits; while anyone waits, nothing is free; lost stock is taken back from the queue first, then from the
newest covered lines, each of which opens a back order.
"""

from collections.abc import Sequence

from backorder_contracts.internal import CancelAnswer, Cause, LineRef, QueueNeed, ShippedLine

from gap_detector.domain import events as e
from gap_detector.domain.evolve import evolve
from gap_detector.domain.lots import add, take, trim
from gap_detector.domain.model import Lane, LaneDraft, Line


def decide(lane: Lane, event: e.Event) -> Sequence[e.Fact]:
    """The facts that an event makes true in its lane, in order. Changes nothing."""
    match event:
        case e.CancellationArrived():
            return (e.CancellationKept(event.cancellation),)
        case e.LineArrived() if (known := _known(lane, event)) is not None:
            return known
    draft = _Draft(lane)
    match event:
        case e.LineArrived():
            draft.place(event)
        case e.LineCancelled():
            draft.cancel(event.ref, event.units, event.cause)
        case e.StockMoved():
            draft.move_stock(event)
        case QueueNeed():
            draft.hear_queue(event)
    return draft.facts


def _known(lane: Lane, event: e.LineArrived) -> Sequence[e.Fact] | None:
    """What to say about a line that came before: nothing, or that its content differs. None when it is new."""
    before = lane.line(event.line.ref)
    if before is not None and before.detail is not None:
        if before.detail == event.line:
            return ()
        fields = [f for f in event.line.__struct_fields__ if getattr(before.detail, f) != getattr(event.line, f)]
        return (e.Conflict(event.origin, _conflict(event.line.ref, f"with another {', '.join(fields)}")),)
    if event.elsewhere is not None:
        return (e.Conflict(event.origin, _conflict(event.line.ref, f"in lane {event.elsewhere}")),)
    return None


def _conflict(ref: LineRef, how: str) -> str:
    return f"line {ref.line_id} of order {ref.order_id} was placed before {how}; the first stands"


_UNKNOWN = Line()  # read, never changed


class _Draft:
    """One decision in the making: facts so far, and the lane as they leave it."""

    def __init__(self, lane: Lane) -> None:
        self.lane = LaneDraft.of(lane)
        self.facts: list[e.Fact] = []

    def say(self, fact: e.Fact) -> None:
        self.facts.append(fact)
        evolve(self.lane, fact)

    def line(self, ref: LineRef) -> Line:
        return self.lane.line(ref) or _UNKNOWN

    # ── events ─────────────────────────────────────────────────────────────────────────────────────────

    def place(self, event: e.LineArrived) -> None:
        line, ref = event.line, event.line.ref
        gone = min(line.quantity, self.line(ref).shipped)
        open_units = line.quantity - gone
        cancelled = 0
        for units in event.cancels:
            cancelled += open_units - cancelled if units is None else min(units, open_units - cancelled)
        self.say(e.LineEntered(line, self.lane.number + 1, gone, cancelled))
        wanted = open_units - cancelled
        cover = min(wanted, max(self.lane.free, 0)) if self.lane.needed <= 0 else 0
        if cover:
            self.say(e.Covered(ref, cover))
        self.short(ref, wanted - cover, event.cause)
        self.settle(event.cause)

    def cancel(self, ref: LineRef, units: int | None, cause: Cause) -> None:
        """Waiting and allocated units first, which are the queue's to give up; then cover."""
        line = self.line(ref)
        in_queue = max(0, line.need - line.cancelling)
        wanted = in_queue + line.covered if units is None else units
        if asked := min(wanted, in_queue):
            self.say(e.CancelSent(ref, asked, cause))
        self.cancel_cover(ref, wanted - asked, cause)
        self.settle(cause)

    def cancel_cover(self, ref: LineRef, units: int, cause: Cause) -> None:
        line = self.line(ref)
        if cover := min(units, line.covered):
            self.say(e.Uncovered(ref, cover, cancelled=True))
        if units > cover and line.opened:
            self.say(e.CancelLeft(ref, units - cover, cause))

    def move_stock(self, event: e.StockMoved) -> None:
        if event.version > self.lane.version:
            rise = event.on_hand - self.lane.on_hand
            self.say(e.StockSet(event.on_hand, event.version))
            received = min(rise, rise if event.received is None else event.received)
            if event.cause.delivery_id is not None and received > 0:
                self.say(e.LotsSet(add(self.lane.lots, event.cause.delivery_id, received)))
        for shipped in event.shipped:
            self.ship(shipped, event.cause)
        self.settle(event.cause)

    def ship(self, shipped: ShippedLine, cause: Cause) -> None:
        """Cover first, then the back order, released or not; what is more than the line only left the stock."""
        ref = LineRef(shipped.order_id, shipped.line_id)
        self.say(e.ShipmentSeen(ref, shipped.units))
        line = self.line(ref)
        if line.detail is None:
            return
        if cover := min(shipped.units, line.covered):
            self.say(e.CoverShipped(ref, cover))
        if units := min(shipped.units - cover, line.need):
            counted = min(units, max(line.counted, 0))
            self.say(e.BackOrderLeft(ref, units, counted, cause))

    def hear_queue(self, need: QueueNeed) -> None:
        for change in need.changes:
            self.say(e.NeedMoved(change.ref, change.units))
        if need.returned:
            self.say(e.Returned(need.returned))
            for lot in need.lots:
                self.say(e.LotsSet(add(self.lane.lots, lot.delivery_id, lot.units)))
        for answer in need.answers:
            self.hear_answer(answer)
        self.settle(need.cause)

    def hear_answer(self, answer: CancelAnswer) -> None:
        self.say(e.CancelDone(answer.ref, answer.asked, answer.done))
        if answer.asked > answer.done:
            self.cancel_cover(answer.ref, answer.asked - answer.done, answer.cause)

    # ── what must be true after every event ────────────────────────────────────────────────────────────

    def settle(self, cause: Cause) -> None:
        """While anyone waits nothing is free; what was lost is nobody's any more."""
        lane = self.lane
        if lane.free < 0:
            if back := min(-lane.free, max(lane.handed, 0)):
                self.say(e.Handed(-back, (), cause))
            self.uncover_newest(-lane.free, cause)
        if lane.handed < 0 < lane.needed:
            self.hand(min(-lane.handed, lane.needed), cause)
        if lane.free > 0 and lane.needed > 0:
            self.hand(min(lane.free, lane.needed), cause)
        self.forget_lots()

    def hand(self, units: int, cause: Cause) -> None:
        lots, rest = take(self.lane.lots, units)
        if lots:
            self.say(e.LotsSet(rest))
        self.say(e.Handed(units, lots, cause))

    def uncover_newest(self, lost: int, cause: Cause) -> None:
        for ref in self.lane.newest_covered() if lost > 0 else ():
            units = min(lost, self.line(ref).covered)
            self.say(e.Uncovered(ref, units, cancelled=False))
            self.short(ref, units, cause)
            lost -= units
            if lost == 0:
                return

    def short(self, ref: LineRef, units: int, cause: Cause) -> None:
        if units > 0:
            self.say(e.Shorted(ref, units, not self.line(ref).opened, cause))

    def forget_lots(self) -> None:
        """Lots name free units only; the oldest are the first to be used up."""
        kept = trim(self.lane.lots, max(self.lane.free, 0))
        if kept != self.lane.lots:
            self.say(e.LotsSet(kept))
