"""Who is served before better ranks, so that a promise is not made worse once too often.

A promise is kept as a place: the number of the last unit that the line was promised, counted over all units that
the lane's lines are given. A line that is protected (see `model.print_of`) keeps its place: where the order of rank
would serve it later, its units are taken out of that order, as late as its place allows, and all others are served
in the order of rank around it.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from priority_router.domain.ladder import Block, Guard, Slot
from priority_router.domain.order import BackOrder
from priority_router.domain.room import Room

NEVER = 1 << 62
"""After all units."""


class Run(NamedTuple):
    """Neighbours in the order of rank that do not lend: how many units they wait for, and who is protected."""

    kept: int
    guards: Sequence[Guard]


def run_of(block: Block) -> Run:
    """A block of the ladder as it is."""
    return Run(block.tally.kept, block.bounds.guards if block.tally.guarded else ())


def run_from(stands: Iterable[tuple[BackOrder, Slot]]) -> Run:
    """The same of lines that are named."""
    kept, guards = 0, []
    for line, slot in stands:
        kept += slot.waiting
        if slot.guard is not None:
            guards.append(Guard(line, slot.waiting, slot.guard, kept))
    return Run(kept, guards)


class Turn(NamedTuple):
    """A line that is taken out of the order of rank: its units, and how many of the others are served before it."""

    line: BackOrder
    first: int
    last: int
    after: int


class Turns:
    """Where each waiting unit of a lane stands in the line, 1 being the next one that is given.

    The lines taken out are the fewest that have to be: taking one out may serve others later than promised, which
    are then taken out, too. Those have better ranks: it goes before them, and lines behind it stay where they are. So
    one look at each line is enough, the last rank first.
    """

    def __init__(self, runs: Sequence[Run], given: int) -> None:
        self._runs = runs
        self._given = given
        self._taken: dict[str, Guard] = {}
        self._order: list[tuple[int, int, int, Guard]] = []  # those, by place, then rank
        self._units = Counter[int]()  # units that were taken out of each run
        self._after: list[int] = []
        self._sums: list[int] = [0]
        for run, guard in self._late():
            self._taken[guard.line.back_order_id] = guard
            self._order.append((guard.place, run, guard.upto, guard))
            self._units[run] += guard.waiting
        if self._taken:
            self._place()
        self.turns = [
            Turn(guard.line, after + served + 1, after + served + guard.waiting, after)
            for (_, _, _, guard), after, served in zip(self._order, self._after, self._sums, strict=False)
        ]

    def __contains__(self, back_order_id: str) -> bool:
        """Whether the line was taken out."""
        return back_order_id in self._taken

    def units(self, run: int) -> int:
        """How many units were taken out of a run."""
        return self._units[run]

    def position(self, unit: int) -> int:
        """Where the `unit`-th unit of those stands that are served in the order of rank."""
        return unit + self._sums[bisect_left(self._after, unit)]

    def until(self, unit: int) -> int:
        """The last unit of those in the order of rank before somebody else's turn."""
        at = bisect_left(self._after, unit)
        return self._after[at] if at < len(self._after) else NEVER

    def _late(self) -> Iterator[tuple[int, Guard]]:
        """Protected lines that would be served later than promised, the last rank first."""
        room: Room | None = None
        before = sum(run.kept for run in self._runs)
        for number in reversed(range(len(self._runs))):
            run = self._runs[number]
            before -= run.kept
            for guard in reversed(run.guards):
                place = guard.place - self._given
                if before + guard.upto > (place if room is None else room.upto(place)):
                    room = room or Room(each.place - self._given for run in self._runs for each in run.guards)
                    room.take(place, guard.waiting)
                    yield number, guard

    def _place(self) -> None:
        """As late as the places allow; what cannot be kept is served as soon as it can be, the earliest place first."""
        self._order.sort()
        end = NEVER
        ends: list[int] = []
        for place, _, _, guard in reversed(self._order):
            end = min(end, place - self._given)
            ends.append(end)
            end -= guard.waiting
        others = sum(run.kept for run in self._runs) - self._units.total()
        self._after, self._sums = [], [0]
        after = served = 0
        for _, _, _, guard in self._order:
            waiting = guard.waiting
            after = min(max(ends.pop() - waiting - served, after), others)
            served += waiting
            self._after.append(after)
            self._sums.append(served)


IN_RANK_ORDER = Turns((), 0)
"""Nobody is taken out."""
