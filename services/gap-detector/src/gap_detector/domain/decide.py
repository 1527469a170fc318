"""What follows from an event, for one lane: pure and total.

Rules of the ledger (the queue's are the priority-router's): a new line takes free units unless somebody
waits; while anyone waits, nothing is free; lost stock is taken back from the queue first, then from the
newest covered lines, each of which opens a back order.
"""

from collections.abc import Sequence

from backorder_contracts.internal import CancelAnswer, Cause, LineDetail, LineRef, QueueNeed, ShippedLine
from gap_detector.domain import events as e
from gap_detector.domain.evolve import evolve
from gap_detector.domain.lots import add, take, trim
from gap_detector.domain.model import Lane, LaneDraft, Line


def decide(lane: Lane, event: e.Event) -> Sequence[e.Fact]:
    """The facts that an event makes true in its lane, in order. Changes nothing."""
    match event:
        case e.LineArrived():
            return _arrived(lane, event)
        case e.LineRepeated(ref, origin, same):
            return () if same else (e.Conflict(origin, _conflict(ref, "with another content")),)
        case e.CancellationArrived():
            return (e.CancellationKept(event.cancellation),)
        case e.CancellationContested(again):
            detail = f"order {again.order_id} was cancelled before otherwise, under the same ce_id; the first stands"
            return (e.Conflict(again.origin, detail),)
    draft = _Draft(lane)
    match event:
        case e.StockMoved():
            draft.move_stock(event)
        case QueueNeed():
            draft.hear_queue(event)
        case e.LineCancelled():
            draft.cancel(event.ref, event.units, event.cause)
        case e.LineFollowed():
            draft.follow(event)
    return draft.facts


def _arrived(lane: Lane, event: e.LineArrived) -> Sequence[e.Fact]:
    """A new line takes what is free while nobody waits; what it lacks opens a back order."""
    line, ref = event.line, event.ref
    before = lane.line(ref)
    if before is not None and before.detail is not None:
        return _again(event, before.detail)
    if event.elsewhere is not None:
        return (e.Conflict(event.origin, _conflict(ref, f"in lane {event.elsewhere}")),)
    gone = min(line.quantity, before.shipped) if before is not None else 0
    cancelled = _cancelled(event.cancels, line.quantity - gone) if event.cancels else 0
    wanted = line.quantity - gone - cancelled
    free = lane.free
    cover = min(wanted, free) if lane.needed <= 0 < free else 0
    facts: list[e.Fact] = [e.LineEntered(line, ref, lane.number + 1, gone, cancelled, cover)]
    if cover and lane.lots and (kept := trim(lane.lots, free - cover)) != lane.lots:
        facts.append(e.LotsSet(kept))
    if wanted > cover:
        facts.append(e.Shorted(ref, wanted - cover, first=True, cause=event.cause))
    if lane.handed >= 0 and free >= 0:
        return facts  # nothing to settle: what is left free, nobody needs
    draft = _Draft(lane)
    for fact in facts:
        draft.say(fact)
    draft.settle(event.cause)
    return draft.facts


def _cancelled(cancels: Sequence[int | None], units: int) -> int:
    """How many of so many units cancellations that came earlier take; None stands for all."""
    left = units
    for wanted in cancels:
        left -= left if wanted is None else min(wanted, left)
    return units - left


def _again(event: e.LineArrived, known: LineDetail) -> Sequence[e.Fact]:
    """A line that came before: nothing to say, or that its content differs."""
    if known == event.line:
        return ()
    fields = [name for name in known.__struct_fields__ if getattr(known, name) != getattr(event.line, name)]
    return (e.Conflict(event.origin, _conflict(event.ref, f"with another {', '.join(fields)}")),)


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

    def cancel(self, ref: LineRef, units: int | None, cause: Cause) -> None:
        """Waiting and allocated units first, which are the queue's to give up, rerouted ones too; then cover."""
        line = self.line(ref)
        in_queue = max(0, line.need + line.away - line.cancelling)
        wanted = in_queue + line.covered if units is None else units
        if asked := min(wanted, in_queue):
            self.say(e.CancelSent(ref, asked, cause))
        self.cancel_cover(ref, wanted - asked, cause)
        self.settle(cause)

    def follow(self, event: e.LineFollowed) -> None:
        """Cancel what the message says beyond what it said before."""
        fresh = event.total - self.line(event.ref).recalled
        if fresh > 0 and self.line(event.ref).detail is not None:
            self.say(e.RecallHeard(event.ref, event.total))
            self.cancel(event.ref, fresh, event.cause)

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
            # all of them are written off, also of a held line: that it needs them again may be under way to us
            self.say(e.BackOrderLeft(ref, units, units, cause))

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
        self.say(e.CancelDone(answer.ref, answer.asked, answer.done, answer.away))
        left = answer.asked - answer.done - max(-answer.away, 0)
        if left > 0:
            self.cancel_cover(answer.ref, left, answer.cause)

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
