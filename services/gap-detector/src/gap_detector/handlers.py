"""What happens to a message in the ledger: decoded, loaded, decided, written down, told."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import starmap
from typing import Final, TypeAlias

import msgspec

from backorder_contracts import identity
from backorder_contracts.internal import LineRecalled, LineRef, OrderCancelled, OrderEntry, QueueNeed
from backorder_contracts.refusal import Reason, Refused
from backorder_runtime.asking import Asking
from backorder_runtime.handler import Arrived
from backorder_runtime.inputs import Reader, Readers
from backorder_runtime.record import Effect, Record, Timer
from gap_detector import repository
from gap_detector.domain import events as e
from gap_detector.domain.decide import decide
from gap_detector.domain.evolve import evolve
from gap_detector.domain.model import KeptCancellation, Lane, Ledger, Place
from gap_detector.domain.spread import OrderMessage, addressed, beside_its_order, spread
from gap_detector.publish import TOLD, Teller
from gap_detector.supply import read_position
from gap_detector.wanted import Wanted, wanted_by

Input: TypeAlias = OrderMessage | e.Event

TOPICS = ("order-line", "supply", "back-order-need")


def _of_order(entry: OrderEntry) -> Arrived[Input]:
    return Arrived(*addressed(entry))


def _of_queue(need: QueueNeed) -> Arrived[Input]:
    return Arrived(identity.lane(need.part_id, need.location_id), need)


READERS: Final[Readers] = {"order-line": Reader(OrderEntry, _of_order), "back-order-need": Reader(QueueNeed, _of_queue)}


class GapLedger:
    """The ledger of one shard: the lanes it has seen stay in memory, lines only for the batch that needs them."""

    def __init__(self, shard: int, cached_lanes: int) -> None:
        self._shard = shard
        self._cached_lanes = cached_lanes
        self._ledger = Ledger()
        self._new_lanes: set[str] = set()
        self._stored: set[tuple[str, LineRef]] = set()
        self._early: set[tuple[str, LineRef]] = set()
        self._entered: list[repository.LaneLine] = []
        self._foretold: dict[tuple[str, LineRef], repository.LaneLine] = {}
        self._changed_lanes: dict[str, Lane] = {}
        self._kept: list[KeptCancellation] = []
        self._past: dict[LineRef, bytes] = {}
        self._asked: set[str] = set()

    def decode(self, record: Record) -> Arrived[Input] | None:
        """An order line, a cancellation, a stock level, or what the queue needs. Raises `Refused`."""
        value = record.value or b""
        try:
            if (reader := READERS.get(record.topic)) is not None:
                return reader.one(value)
            if record.header("ce_type") == "stock.positioned":
                moved = read_position(value)
                return Arrived(identity.lane(moved.part_id, moved.location_id), moved)
        except msgspec.DecodeError as error:
            raise Refused(Reason.UNREADABLE, str(error)) from error
        return None

    def on_timer(self, timer: Timer) -> Arrived[Input]:
        """The ledger sets no timers."""
        raise LookupError(f"nobody set timer {timer.key}")

    def load(self, arrived: Sequence[Arrived[Input]]) -> Asking[None]:
        """The lines that the inputs name, their lanes, then what lost stock may uncover."""
        wanted = wanted_by(arrived)
        self._asked = wanted.asked
        known = (yield from repository.load_known(wanted.arriving)) if wanted.arriving else []
        refs = wanted.refs.union(known)
        lines = (yield from repository.load_lines(list(refs))) if refs else []
        if wanted.cancelled:
            lines += yield from repository.load_lines_of_orders(wanted.cancelled)
        yield from self._load_lanes(wanted, {line.lane for line in lines if line.shard == self._shard})
        self._take(lines)
        if known and (past := [ref for ref in set(known).intersection(wanted.placed) if not self._is_placed(ref)]):
            self._past = yield from repository.load_past(past)
        if orders := {*wanted.cancelled, *(ref.order_id for ref in known)}:
            for kept in (yield from repository.load_cancellations(list(orders))):
                self._ledger.order(kept.order_id).cancellations[kept.cancellation_id] = kept
        if losses := self._losses(wanted):
            self._take((yield from repository.load_newest_covered(losses)))

    def _is_placed(self, ref: LineRef) -> bool:
        order = self._ledger.orders.get(ref.order_id)
        return order is not None and ref.line_id in order.places

    def _load_lanes(self, wanted: Wanted, lanes: set[str]) -> Asking[None]:
        known = self._ledger.lanes
        if missing := {name for name in (*lanes, *wanted.lanes) if name not in known}:
            known.update({lane.name: lane for lane in (yield from repository.load_lanes(missing))})
            for name in [name for name in missing if name not in known]:
                known[name] = Lane(*wanted.lanes[name])
                self._new_lanes.add(name)

    def _take(self, lines: Sequence[repository.StoredLine]) -> None:
        for stored in lines:
            ours, name, ref = stored.shard == self._shard, stored.lane, stored.ref
            if stored.first:
                self._ledger.order(ref.order_id).places[ref.line_id] = Place(name, ours)
            if not ours:
                continue
            known = self._ledger.lanes[name].lines
            if stored.line.detail is None:
                self._early.add((name, ref))
                known.setdefault(ref, stored.line)
            elif (name, ref) not in self._stored:
                self._stored.add((name, ref))
                known[ref] = stored.line

    def _losses(self, wanted: Wanted) -> dict[str, int]:
        """How many covered units of each lane the lowest level of the batch may cost at most."""
        lanes = self._ledger.lanes
        return {
            name: lanes[name].covered - level for name, level in wanted.levels.items() if lanes[name].covered > level
        }

    def spread(self, arrived: Arrived[Input], kept_for: str | None) -> Sequence[Arrived[Input]]:
        """A cancellation concerns each lane in which its order has a line."""
        message = arrived.event
        if isinstance(message, e.LineArrived):
            known = self._known(arrived.lane, message)
            return (arrived,) if known is message else (Arrived(arrived.lane, known),)
        if isinstance(message, _SPREAD):
            return tuple(starmap(Arrived, spread(self._ledger, arrived.lane, message, kept_for)))
        return (arrived,)

    def _known(self, lane: str, line: e.LineArrived) -> e.LineArrived | e.LineRepeated:
        """A line with what is known of it: mostly nothing."""
        if self._past and line.line.rerouted_from is None and (content := self._past.get(line.ref)) is not None:
            return e.LineRepeated(line.ref, line.origin, same=content == repository.digest(line.line))
        return beside_its_order(self._ledger, lane, line)

    def decide(self, arrived: Arrived[Input], _now: datetime) -> Sequence[e.Fact]:
        """What follows for one lane."""
        event = arrived.event
        # the usual event first: to find that something is of none of several types takes longer than to decide
        if isinstance(event, e.LineArrived) or not isinstance(event, _SPREAD):
            return decide(self._ledger.lanes.get(arrived.lane) or _NOWHERE, event)
        raise TypeError("a message is spread before it is decided")

    def evolve(self, arrived: Arrived[Input], facts: Sequence[e.Fact], now: datetime) -> Sequence[Effect]:
        """Write the facts into the ledger and tell the queue and the public."""
        lane = self._ledger.lanes.get(arrived.lane, _NOWHERE)
        if facts and type(facts[0]) not in _OF_NO_LANE:
            self._changed_lanes[lane.name] = lane
        effects: list[Effect] = []
        for fact in facts:
            evolve(lane, fact)
            kind = type(fact)
            if kind in _NOTED:
                self._note(lane, fact)
            elif kind in TOLD:
                effects.extend(Teller(lane, now).tell(fact))
        return effects

    def _note(self, lane: Lane, fact: e.Fact) -> None:
        """Remember which lines are new, and what is known across lanes now if the batch asks for it again."""
        if isinstance(fact, e.LineEntered):
            self._entered.append((lane, fact.ref, lane.lines[fact.ref]))
            if fact.ref.order_id in self._asked and fact.line.rerouted_from is None:
                self._ledger.order(fact.ref.order_id).places[fact.ref.line_id] = Place(lane.name, ours=True)
        elif isinstance(fact, e.ShipmentSeen):
            line = lane.lines[fact.ref]
            if line.detail is None and (name := (lane.name, fact.ref)) not in self._early:
                self._foretold[name] = (lane, fact.ref, line)
        elif isinstance(fact, e.CancellationKept):
            self._kept.append(fact.cancellation)
            order = self._ledger.order(fact.cancellation.order_id)
            order.cancellations[fact.cancellation.cancellation_id] = fact.cancellation

    def save(self) -> Asking[None]:
        """Store the changed lanes and lines, and let the lines go."""
        changed = self._changed_lanes.items()
        if old_lanes := [lane for name, lane in changed if name not in self._new_lanes]:
            yield from repository.save_lanes(old_lanes)
        if old := list(self._old_lines()):
            yield from repository.save_lines(old)
        if self._kept:
            yield from repository.keep_cancellations(self._kept)
        if new_lanes := [lane for name, lane in changed if name in self._new_lanes]:
            yield from repository.add_lanes(self._shard, new_lanes)
        # in the order in which they came: that is how they lie in memory, and nearly how they are stored
        if new := self._entered + [each for each in self._foretold.values() if each[2].detail is None]:
            yield from repository.add_lines(self._shard, new)
        self._new_lanes.difference_update(self._changed_lanes)
        self._forget_lines()

    def _old_lines(self) -> Iterator[repository.LaneLine]:
        """The changed lines that have a row. One whose shipment had a row gets its own when it enters."""
        lanes = self._ledger.lanes
        for rows, is_early in ((self._stored, False), (self._early, True)):
            for name, ref in rows:
                line = lanes[name].lines[ref]
                if line.touched and (line.detail is None) == is_early:
                    yield lanes[name], ref, line

    def _forget_lines(self) -> None:
        for lane in self._changed_lanes.values():
            lane.lines.clear()
        for name, _ in (*self._stored, *self._early):
            self._ledger.lanes[name].lines.clear()
        for changed in (self._stored, self._early, self._foretold, self._changed_lanes, self._kept, self._past):
            changed.clear()
        self._entered = []
        self._ledger.orders.clear()
        if len(self._ledger.lanes) > self._cached_lanes:
            self._ledger.lanes.clear()
            self._new_lanes.clear()


_SPREAD = (LineRecalled, OrderCancelled)
_NOTED = frozenset({e.LineEntered, e.ShipmentSeen, e.CancellationKept})
_OF_NO_LANE = frozenset({e.CancellationKept, e.Conflict})  # each is all that follows from its event
_NOWHERE = Lane("", "")  # cancellations are kept in no lane
