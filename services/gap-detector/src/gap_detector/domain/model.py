"""The ledger of a lane: four numbers, and the order lines that a decision needs.

H on hand, C covered, P handed to the queue, N needed by the queue. What is left, `free`, belongs to nobody.
Every unit has exactly one owner.
"""

from copy import copy
from dataclasses import dataclass, field

from msgspec import Struct

from backorder_contracts import identity
from backorder_contracts.internal import LineDetail, LineRef, Lot, OrderCancelled


class Line(Struct, gc=False):
    """An order line in the ledger; all numbers are units.

    `detail` is None while only its shipment is known, which overtook the order. `covered` waits in the
    warehouse; `cover_shipped` has left it. `need` is what its back order waits for or holds, `counted` how
    much of that the ledger counts in N or P. `cancelling` was asked of the queue, which has not answered yet.
    `away` was rerouted, and a cancellation has to follow it there; `recalled` is what was cancelled so of a line
    that came here by a reroute. `touched`: it may have changed since it was brought into memory.
    """

    detail: LineDetail | None = None
    number: int = 0
    covered: int = 0
    cover_shipped: int = 0
    need: int = 0
    counted: int = 0
    cancelling: int = 0
    shipped: int = 0
    cancelled: int = 0
    opened: bool = False
    away: int = 0
    recalled: int = 0
    touched: bool = False

    @property
    def cover(self) -> int:
        """What stock on hand satisfied, whether or not it has left the warehouse."""
        return self.covered + self.cover_shipped


@dataclass(slots=True)
class Lane:
    """The numbers of a lane, and those of its lines that were brought into memory.

    `number` counts the lane's lines; a higher one is newer. `lots` names the deliveries of free units. `name` is
    the lane as it is written in keys.
    """

    part_id: str
    location_id: str
    on_hand: int = 0
    version: int = -1
    covered: int = 0
    handed: int = 0
    needed: int = 0
    number: int = 0
    lots: tuple[Lot, ...] = ()
    lines: dict[LineRef, Line] = field(default_factory=dict)
    name: str = field(init=False)

    def __post_init__(self) -> None:
        self.name = identity.lane(self.part_id, self.location_id)

    @property
    def free(self) -> int:
        """Units that belong to nobody; negative when stock was lost that somebody owns.

        While the queue owes units (`handed` below zero: what it gave back had left already) they are not here.
        """
        return self.on_hand - self.covered - max(self.handed, 0)

    def line(self, ref: LineRef) -> Line | None:
        """A line to read."""
        return self.lines.get(ref)

    def touch(self, ref: LineRef) -> Line:
        """A line to change; a new one when nothing is known of it."""
        line = self.lines.get(ref)
        if line is None:
            line = self.lines[ref] = Line()
        line.touched = True
        return line


@dataclass(slots=True)
class LaneDraft(Lane):
    """A copy of a lane to think with: what is changed here leaves the original alone."""

    original: Lane | None = None

    @staticmethod
    def of(lane: Lane) -> "LaneDraft":
        """A draft of a lane; its lines are copied when they are touched."""
        numbers = (lane.on_hand, lane.version, lane.covered, lane.handed, lane.needed, lane.number, lane.lots)
        return LaneDraft(lane.part_id, lane.location_id, *numbers, original=lane)

    def line(self, ref: LineRef) -> Line | None:
        """A line to read, as the draft has it."""
        return self.lines.get(ref) or (self.original.line(ref) if self.original else None)

    def touch(self, ref: LineRef) -> Line:
        """A line to change, copied from the original the first time."""
        line = self.lines.get(ref)
        if line is None:
            before = self.line(ref)
            line = self.lines[ref] = copy(before) if before else Line()
        return line

    def newest_covered(self) -> list[LineRef]:
        """The lines with cover that are in memory, newest first."""
        refs = self.lines.keys() | (self.original.lines.keys() if self.original else ())
        covered = [(line.number, ref) for ref in refs if (line := self.line(ref)) and line.covered]
        return [ref for _, ref in sorted(covered, key=lambda item: -item[0])]


class Place(Struct, frozen=True, gc=False):
    """Where an order line was first placed; `ours` when that lane is in this shard."""

    lane: str
    ours: bool


class KeptCancellation(OrderCancelled, frozen=True, gc=False):
    """A cancellation as the shard keeps it.

    `found` are the lines that it met when it came: it reaches them itself, at once or when their lane goes on. All
    others take it when they enter. So it counts once for each, whatever a stopped lane does meanwhile. None when it was
    kept by a version that did not note them.
    """

    found: tuple[str, ...] | None = None


class Order(Struct, gc=False):
    """What is known across lanes about an order: where its lines are, and what cancelled it."""

    places: dict[str, Place] = {}
    cancellations: dict[str, KeptCancellation] = {}


@dataclass(slots=True)
class Ledger:
    """What one shard has in memory."""

    lanes: dict[str, Lane] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)

    def order(self, order_id: str) -> Order:
        """The order, new and empty when nothing is known of it."""
        order = self.orders.get(order_id)
        if order is None:
            order = self.orders[order_id] = Order()
        return order
