"""The queue of one lane: idle units, all open back orders, and the indexes that make each question cheap."""

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

from msgspec import Struct
from sortedcontainers import SortedDict, SortedList

from backorder_contracts.identity import lane
from backorder_contracts.internal import Cause
from priority_router.domain.events import Inbound
from priority_router.domain.ladder import Ladder, Slot
from priority_router.domain.lots import Lots, fit, less, merge
from priority_router.domain.order import BackOrder, Promise
from priority_router.domain.policy import Policy, Strategy
from priority_router.domain.rank import Rank


class Print(Struct, frozen=True, gc=False):
    """Where a line stands in the indexes: they change only as far as this changes."""

    rank: Rank
    slot: Slot | None  # eligible and waiting
    promise: Promise | None  # of a line with a slot
    allocated: int
    prey: int  # units that a win may take
    lends: int  # units that it holds while it lends
    shelved: bool  # held, and not all released
    release_at: datetime | None
    due_at: datetime | None


def protected(line: BackOrder, policy: Policy) -> bool:
    """Whether others have made the promise worse as often as they may: the line keeps its units and its place."""
    return line.promise is not None and line.worsened >= policy.max_worsened


def print_of(line: BackOrder, policy: Policy) -> Print | None:
    """The line's places under this policy; None for one that is not (or no longer) in the queue."""
    if line.due_at is None or line.closed_at is not None:
        return None
    waiting = line.waiting
    allocated = line.allocated
    slot = None
    if waiting > 0 and not line.held:
        claim = waiting + allocated if line.complete else 0
        guard = line.place if protected(line, policy) else None
        slot = Slot(waiting, line.lending, claim, line.promise is not None, line.place is not None, guard)
    prey = 0
    if allocated and policy.strategy(line.band) is Strategy.FILL:
        prey = 0 if protected(line, policy) else allocated
    return Print(
        rank=line.rank,
        slot=slot,
        promise=line.promise if slot is not None else None,
        allocated=allocated,
        prey=prey,
        lends=allocated if slot is not None and slot.lent else 0,
        shelved=line.held and line.need > line.released,
        release_at=line.release_at,
        due_at=None if line.breached else line.due_at,
    )


def _shown(place: Print) -> tuple[object, ...]:
    """What the ladder knows of the line."""
    return place.rank, place.slot, place.promise


class Book(Protocol):
    """What facts are written into: the queue itself, or the draft of one decision."""

    policy: Policy
    idle: int
    idle_lots: Lots
    inbound: tuple[Inbound, ...]
    supplied: int
    stirred_by: Cause | None
    unsettled_by: Cause | None
    timers: dict[str, datetime]

    def take(self, back_order_id: str) -> BackOrder:
        """The line, to be changed and then `put`."""
        ...

    def put(self, line: BackOrder) -> None:
        """Keep the line as it is now."""
        ...

    def adopt(self, policy: Policy) -> None:
        """Let another policy hold."""
        ...


def move_idle(book: Book, units: int, gained: Lots = (), lost: Lots = ()) -> None:
    """Add to the idle units (or take away); their lots never exceed them."""
    book.idle += units
    book.idle_lots = fit(less(merge(book.idle_lots, gained), lost), max(book.idle, 0))


class LaneQueue:
    """All that the priority router knows of one lane.

    `idle` units belong to the queue and to no line; negative, they are owed: released units vanished. `supplied` counts
    the units that ever came, less those that went back or were lost.
    `orders` holds every open back order, and those closed ones that somebody loaded. Only `evolve` writes.
    """

    def __init__(self, part_id: str, location_id: str, policy: Policy) -> None:
        self.part_id = part_id
        self.location_id = location_id
        self.policy = policy
        self.idle = 0
        self.idle_lots: Lots = ()
        self.inbound: tuple[Inbound, ...] = ()
        self.supplied = 0
        self.stirred_by: Cause | None = None  # what may have moved promises since
        self.unsettled_by: Cause | None = None  # what is not wholly handed out or ranked yet
        self.timers: dict[str, datetime] = {}
        self.orders: dict[str, BackOrder] = {}
        self._clear()

    @property
    def given(self) -> int:
        """How many units the lines of the lane were given, on balance: places are counted from there."""
        return self.supplied - self.idle

    @property
    def lane(self) -> str:
        """`part_id@location_id`."""
        return lane(self.part_id, self.location_id)

    def _clear(self) -> None:
        self.prints: dict[str, Print] = {}
        self.ladder = Ladder()  # eligible and waiting
        self.holders = SortedDict()  # rank → line with units set aside
        self.prey = SortedDict()  # rank → line that a win may take from
        self.prey_units: dict[int, int] = {}  # band → units that a win may take
        self.lenders = SortedDict()  # rank → lending line that holds units
        self.shelved = SortedDict()  # rank → held line
        self.releases = SortedList()  # (release_at, id)
        self.dues = SortedList()  # (due_at, id)
        self.stale: dict[str, None] = {}  # lines that another policy ranked

    def take(self, back_order_id: str) -> BackOrder:
        """The line itself."""
        return self.orders[back_order_id]

    def put(self, line: BackOrder) -> None:
        """Keep the line and move it in the indexes as far as it changed."""
        key = line.back_order_id
        self.orders[key] = line
        self._note_stale(line)
        old, new = self.prints.get(key), print_of(line, self.policy)
        if old == new:
            return
        if old is not None:
            self._remove(key, old, new)
        if new is not None:
            self._enter(line, new, old)
            self.prints[key] = new
        elif old is not None:
            del self.prints[key]

    def _remove(self, key: str, old: Print, new: Print | None) -> None:
        moved = new is None or new.rank != old.rank
        if old.slot is not None and (new is None or moved or new.slot is None):
            self.ladder.drop(old.rank)
        for index, was, still in (
            (self.holders, old.allocated, new and new.allocated),
            (self.prey, old.prey, new and new.prey),
            (self.lenders, old.lends, new and new.lends),
            (self.shelved, old.shelved, new and new.shelved),
        ):
            if was and (moved or not still):
                del index[old.rank]
        if old.prey:
            self.prey_units[old.rank.band] -= old.prey
        for times, time, then in (
            (self.releases, old.release_at, new and new.release_at),
            (self.dues, old.due_at, new and new.due_at),
        ):
            if time is not None and time != then:
                times.remove((time, key))

    def _enter(self, line: BackOrder, new: Print, old: Print | None) -> None:
        if new.slot is not None and (old is None or _shown(old) != _shown(new)):
            self.ladder.put(new.rank, new.slot, line)
        for index, now in (
            (self.holders, new.allocated),
            (self.prey, new.prey),
            (self.lenders, new.lends),
            (self.shelved, new.shelved),
        ):
            if now:
                index[new.rank] = line
        if new.prey:
            band = new.rank.band
            self.prey_units[band] = self.prey_units.get(band, 0) + new.prey
        for times, time, then in (
            (self.releases, new.release_at, old and old.release_at),
            (self.dues, new.due_at, old and old.due_at),
        ):
            if time is not None and time != then:
                times.add((time, line.back_order_id))

    def adopt(self, policy: Policy) -> None:
        """Let another policy hold. Ranks stay until the lines are ranked anew, one after the other."""
        other = policy.max_worsened != self.policy.max_worsened
        self.policy = policy
        # sorted: an order that does not depend on when the lane was loaded
        self.stale = dict.fromkeys(sorted(key for key, line in self.orders.items() if self._is_stale(line)))
        if other:  # who is protected depends on the policy
            for line in [line for line in self.orders.values() if line.promise is not None]:
                self.put(line)
        for line in list(self.holders.values()):  # what a win may take depends on the policy
            self.put(line)

    def _note_stale(self, line: BackOrder) -> None:
        if self._is_stale(line):
            self.stale[line.back_order_id] = None
        else:
            self.stale.pop(line.back_order_id, None)

    def _is_stale(self, line: BackOrder) -> bool:
        return line.policy_version != self.policy.version and line.closed_at is None and line.due_at is not None

    def restore(self, lines: Iterable[BackOrder]) -> None:
        """Bring stored back orders into the queue; one that is there already stays as it is."""
        for line in lines:
            if line.back_order_id not in self.orders:
                self.put(line)

    def forget(self, back_order_id: str) -> None:
        """Drop a closed back order from memory; no-op for an open or an unknown one."""
        line = self.orders.get(back_order_id)
        if line is not None and line.closed:
            del self.orders[back_order_id]
