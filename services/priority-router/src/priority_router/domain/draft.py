"""What one decision looks like while it is made: the queue as it was, and over it what the facts so far changed."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from copy import copy
from datetime import datetime
from heapq import merge

from sortedcontainers import SortedDict

from backorder_contracts.internal import CancelAnswer, Cause
from priority_router.domain.evolve import write
from priority_router.domain.ladder import Block, Slot
from priority_router.domain.lane_facts import Change, Fact
from priority_router.domain.model import LaneQueue, Print, print_of
from priority_router.domain.order import BackOrder
from priority_router.domain.policy import Policy
from priority_router.domain.rank import Rank
from priority_router.domain.turns import IN_RANK_ORDER, Run, Turns, run_from, run_of

Stand = tuple[BackOrder, Slot]


class Draft:
    """Collects facts and shows what they lead to, without touching the queue.

    A line is copied when it is first changed; questions about order merge the few changed lines into the
    indexes of the queue. It is a `Book`: `evolve` writes the same things here and, later, into the queue.
    """

    at_once = 250  # lines of one kind that a decision moves; a timer that rings at once goes on with the rest

    def __init__(self, queue: LaneQueue, now: datetime, cause: Cause) -> None:
        self.queue = queue
        self.now = now
        self.cause = cause
        self.facts: list[Fact] = []
        self.touched: dict[str, BackOrder] = {}
        self._places: dict[str, Print | None] = {}  # of those lines, as far as somebody has asked since
        self.policy = queue.policy
        self.idle = queue.idle
        self.idle_lots = queue.idle_lots
        self.inbound = queue.inbound
        self.supplied = queue.supplied
        self.stirred_by = queue.stirred_by
        self.unsettled_by = queue.unsettled_by
        self.timers = dict(queue.timers)
        self.answers: list[CancelAnswer] = []
        self.reranking = bool(queue.stale)  # ranks of two policies do not compare: nothing moves meanwhile
        self.moves = 0  # times that units were given to a line
        self.unforetold = False  # promises remain to be published
        self.strays: list[Change] = []  # counts of back orders that nobody knows

    @property
    def given(self) -> int:
        """How many units the lines of the lane were given, on balance."""
        return self.supplied - self.idle

    @property
    def spent(self) -> bool:
        """Whether there was too much to hand out for one decision."""
        return self.moves >= self.at_once

    def emit(self, fact: Fact) -> None:
        """This happened."""
        self.facts.append(fact)
        write(self, fact)

    def find(self, back_order_id: str) -> BackOrder | None:
        """The line as it is now, to be read only; None if unknown."""
        return self.touched.get(back_order_id) or self.queue.orders.get(back_order_id)

    def see(self, back_order_id: str) -> BackOrder:
        """The same for a line that is known."""
        return self.touched.get(back_order_id) or self.queue.orders[back_order_id]

    def take(self, back_order_id: str) -> BackOrder:
        """The line's copy in this draft."""
        line = self.touched.get(back_order_id)
        return line if line is not None else copy(self.queue.orders[back_order_id])

    def put(self, line: BackOrder) -> None:
        """Keep the copy."""
        self.touched[line.back_order_id] = line
        self._places.pop(line.back_order_id, None)

    def adopt(self, policy: Policy) -> None:
        """Let another policy hold for what is decided next; the indexes follow when the facts are written."""
        self.policy = policy
        self._places.clear()

    def changed(self) -> Iterator[tuple[BackOrder, Print | None, Print | None]]:
        """The changed lines, with where they stood and where they stand."""
        for key, line in self.touched.items():
            if key not in self._places:
                self._places[key] = print_of(line, self.policy)
            yield line, self.queue.prints.get(key), self._places[key]

    def _in_order(
        self, base: Iterable[BackOrder], wanted: Callable[[Print], object], *, last_first: bool = False
    ) -> Iterator[str]:
        mine: list[tuple[Rank, str]] = []
        for line, _, place in self.changed():
            if place is not None and wanted(place):
                mine.append((place.rank, line.back_order_id))
        mine.sort(reverse=last_first)
        touched = self.touched
        rest = (line for line in base if line.back_order_id not in touched)
        if not mine:
            return (line.back_order_id for line in rest)
        both = merge(mine, ((line.rank, line.back_order_id) for line in rest), reverse=last_first)
        return (key for _, key in both)

    def kept(self) -> Iterator[str]:
        """Eligible waiting lines that do not lend, first to last."""
        return self._in_order(self.queue.ladder.kept(), lambda p: p.slot is not None and not p.slot.lent)

    def lent(self) -> Iterator[str]:
        """Eligible waiting lines that lend, first to last."""
        return self._in_order(self.queue.ladder.lent(), lambda p: p.slot is not None and p.slot.lent)

    def turns(self) -> Turns:
        """Who is served out of the order of rank, as things stand now."""
        if not self.queue.ladder.tally.guarded and all(_guard(now) is None for _, _, now in self.changed()):
            return IN_RANK_ORDER
        return Turns(list(self._runs()), self.given)

    def guards_moved(self) -> bool:
        """Whether a promise began or ceased to be protected, or is so from another place."""
        return any(_guard(was) != _guard(now) for _, was, now in self.changed())

    def _runs(self) -> Iterator[Run]:
        """The lines that wait and do not lend: block by block, those that changed at their new places."""
        mine, moved = self._moved()
        blocks = self.queue.ladder.blocks
        i = j = 0
        for number, block in enumerate(blocks):
            top, last = block.ranks[-1], number == len(blocks) - 1
            k = len(mine) if last else bisect_right(mine, top, lo=i, key=_rank)
            m = len(moved) if last else bisect_right(moved, top, lo=j)
            if (i, j) == (k, m):
                yield run_of(block)
                continue
            merged = merge(mine[i:k], self._still(block), key=_rank)
            yield run_from(merged)
            i, j = k, m
        if not blocks:
            yield run_from(mine)

    def _still(self, block: Block) -> Iterator[Stand]:
        for line, slot in zip(block.lines, block.slots, strict=True):
            if not slot.lent and line.back_order_id not in self.touched:
                yield line, slot

    def _moved(self) -> tuple[list[Stand], list[Rank]]:
        """Changed lines that wait and do not lend, and the ranks of those that did so before."""
        mine: list[Stand] = []
        before: list[Rank] = []
        for line, was, now in self.changed():
            if was is not None and was.slot is not None:
                before.append(was.rank)
            if now is not None and now.slot is not None and not now.slot.lent:
                mine.append((line, now.slot))
        return sorted(mine, key=_rank), sorted(before)

    def waiting_in(self, band: int) -> Iterator[str]:
        """Eligible waiting lines of a band, first to last."""
        return self._in_order(self.queue.ladder.of_band(band), lambda p: p.slot is not None and p.rank.band == band)

    def holders(self) -> Iterator[str]:
        """Lines with units set aside, last to first."""
        return self._in_order(_backwards(self.queue.holders), lambda p: p.allocated, last_first=True)

    def prey(self, band: int) -> Iterator[str]:
        """Lines that a win of this band may take from, last to first."""
        below = (line for line in _backwards(self.queue.prey))
        for key in self._in_order(below, lambda p: p.prey, last_first=True):
            if self.see(key).band <= band:
                return
            yield key

    def lenders(self) -> Iterator[str]:
        """Lending lines that hold units, last to first."""
        return self._in_order(_backwards(self.queue.lenders), lambda p: p.lends, last_first=True)

    def prey_units(self, band: int) -> int:
        """How many units a win of this band may take."""
        units = sum(n for below, n in self.queue.prey_units.items() if below > band)
        for _, was, now in self.changed():
            units -= was.prey if was is not None and was.rank.band > band else 0
            units += now.prey if now is not None and now.rank.band > band else 0
        return units

    def any_lends(self) -> bool:
        """Whether some lending line holds units."""
        return bool(self.queue.lenders) or any(now is not None and now.lends for _, _, now in self.changed())


def _guard(place: Print | None) -> int | None:
    return place.slot.guard if place is not None and place.slot is not None else None


def _rank(stand: Stand) -> Rank:
    return stand[0].rank


def _backwards(index: SortedDict) -> Iterator[BackOrder]:
    return (index[rank] for rank in reversed(index))
