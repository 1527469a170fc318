"""Waiting lines in rank order, in blocks that know their sums.

A lane may have 100,000 waiting lines. The ladder answers what is asked on every input (who is first, how much
stands before a rank) without a walk over all lines: a change costs one block, a walk one step per block.
"""

from bisect import bisect_left
from collections.abc import Iterator
from datetime import datetime
from itertools import accumulate
from typing import NamedTuple

from msgspec import Struct

from priority_router.domain.order import BackOrder
from priority_router.domain.rank import Rank

BLOCK = 256


class Slot(Struct, frozen=True, gc=False):
    """What the ladder knows of a line.

    Units it waits for, whether it lends, has a promise, and a place of that, and, of a line that ships only complete,
    all the units that it needs at once (`claim`, else 0). `guard` is the place of a line whose promise is protected.
    """

    waiting: int
    lent: bool
    claim: int
    promised: bool = False
    placed: bool = False
    guard: int | None = None


def _kept(slot: Slot) -> int:
    return 0 if slot.lent else slot.waiting


def _dates(slot: Slot, line: BackOrder) -> tuple[datetime, datetime] | tuple[None, None]:
    promise = line.promise
    if promise is None or slot.lent or not slot.placed:
        return None, None
    return promise.p50, promise.p90


def _band(rank: Rank) -> int:
    return rank.band


class Guard(Struct, frozen=True, gc=False):
    """A line whose promise is protected, the units that it waits for, and its place.

    `upto` are the units that lines of its block wait for up to it, its own included (lenders left out).
    """

    line: BackOrder
    waiting: int
    place: int
    upto: int


class Bounds(NamedTuple):
    """The least claim of a block, its protected lines, and between which dates its promises lie."""

    claim: int | None
    guards: tuple[Guard, ...]
    p50: tuple[datetime, datetime] | None
    p90: tuple[datetime, datetime] | None


class Tally:
    """Sums over some lines of the ladder."""

    __slots__ = (
        "claimed",
        "claiming",
        "claims",
        "guarded",
        "kept",
        "kept_lines",
        "lent_lines",
        "plain",
        "promised",
        "spoken",
        "unplaced",
    )

    def __init__(self) -> None:
        self.kept = 0  # units that lines wait for which do not lend
        self.kept_lines = 0
        self.lent_lines = 0
        self.guarded = 0  # lines whose promise is protected
        self.spoken = 0  # units that those need
        self.plain = 0  # units that other lines wait for which take any part of them
        self.claiming = 0  # other lines that ship only complete
        self.claims = 0  # units of their claims
        self.claimed = 0  # units of all claims that are set aside already
        self.promised = 0  # lines that do not lend and have a promise
        self.unplaced = 0  # those of them whose promise has no place

    def add(self, slot: Slot, sign: int) -> None:
        """Count a line in (`sign` 1) or out (-1)."""
        if slot.lent:
            self.lent_lines += sign
        else:
            self.kept += sign * slot.waiting
            self.kept_lines += sign
            self.promised += sign * slot.promised
            self.unplaced += sign * (slot.promised and not slot.placed)
        if slot.claim:
            self.claimed += sign * (slot.claim - slot.waiting)
        if slot.guard is not None:
            self.guarded += sign
            self.spoken += sign * (slot.claim or slot.waiting)
        elif slot.claim:
            self.claiming += sign
            self.claims += sign * slot.claim
        else:
            self.plain += sign * slot.waiting


class Block:
    """A run of neighbours in the ladder.

    Beside the lines stand the units that they wait for, and the dates that they are promised: a walk over a hundred
    thousand lines reads these, because the lines themselves lie all over the memory. None where a line lends, or
    its promise has no place.
    """

    __slots__ = ("_bounds", "kept", "lines", "p50", "p90", "ranks", "slots", "tally")

    def __init__(self, ranks: list[Rank], slots: list[Slot], lines: list[BackOrder]) -> None:
        self.ranks = ranks
        self.slots = slots
        self.lines = lines
        self.kept = [_kept(slot) for slot in slots]
        dates = [_dates(slot, line) for slot, line in zip(slots, lines, strict=True)]
        self.p50 = [p50 for p50, _ in dates]
        self.p90 = [p90 for _, p90 in dates]
        self.tally = Tally()
        for slot in slots:
            self.tally.add(slot, 1)
        self._bounds: Bounds | None = None

    def stale(self) -> None:
        """The bounds must be found anew."""
        self._bounds = None

    @property
    def bounds(self) -> Bounds:
        """Least claim and promise dates; a walk over the block after a change in it."""
        if self._bounds is None:
            claims = [slot.claim for slot in self.slots if slot.claim and slot.guard is None]
            p50 = [date for date in self.p50 if date is not None]
            p90 = [date for date in self.p90 if date is not None]
            self._bounds = Bounds(
                min(claims) if claims else None,
                tuple(self._guards()) if self.tally.guarded else (),
                (min(p50), max(p50)) if p50 else None,
                (min(p90), max(p90)) if p90 else None,
            )
        return self._bounds

    def _guards(self) -> Iterator[Guard]:
        for line, slot, upto in zip(self.lines, self.slots, accumulate(self.kept), strict=True):
            if slot.guard is not None:
                yield Guard(line, slot.waiting, slot.guard, upto)


class Ladder:
    """Eligible waiting lines in rank order."""

    __slots__ = ("_tops", "blocks", "tally")

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self._tops: list[Rank] = []  # the last rank of each block
        self.tally = Tally()

    def __len__(self) -> int:
        return self.tally.kept_lines + self.tally.lent_lines

    def _where(self, rank: Rank) -> tuple[int, int]:
        at = min(bisect_left(self._tops, rank), len(self.blocks) - 1)
        return at, bisect_left(self.blocks[at].ranks, rank)

    def put(self, rank: Rank, slot: Slot, line: BackOrder) -> None:
        """Enter the line, or note what changed about it (its promise, too)."""
        if not self.blocks:
            self.blocks.append(Block([], [], []))
            self._tops.append(rank)
        at, i = self._where(rank)
        block = self.blocks[at]
        if i < len(block.ranks) and block.ranks[i] == rank:
            self._count(block, block.slots[i], -1)
            block.slots[i] = slot
            block.kept[i] = _kept(slot)
            block.lines[i] = line
            block.p50[i], block.p90[i] = _dates(slot, line)
        else:
            p50, p90 = _dates(slot, line)
            block.ranks.insert(i, rank)
            block.slots.insert(i, slot)
            block.kept.insert(i, _kept(slot))
            block.lines.insert(i, line)
            block.p50.insert(i, p50)
            block.p90.insert(i, p90)
        self._count(block, slot, 1)
        self._tops[at] = block.ranks[-1]
        if len(block.ranks) > 2 * BLOCK:
            self._split(at)

    def drop(self, rank: Rank) -> None:
        """Take the line of this rank out."""
        at, i = self._where(rank)
        block = self.blocks[at]
        if block.ranks[i] != rank:
            raise KeyError(rank)
        self._count(block, block.slots[i], -1)
        del block.ranks[i], block.slots[i], block.kept[i], block.lines[i], block.p50[i], block.p90[i]
        if block.ranks:
            self._tops[at] = block.ranks[-1]
        else:
            del self.blocks[at], self._tops[at]

    def _count(self, block: Block, slot: Slot, sign: int) -> None:
        block.tally.add(slot, sign)
        block.stale()
        self.tally.add(slot, sign)

    def _split(self, at: int) -> None:
        block = self.blocks[at]
        halves = [
            Block(block.ranks[half], block.slots[half], block.lines[half])
            for half in (slice(None, BLOCK), slice(BLOCK, None))
        ]
        self.blocks[at : at + 1] = halves
        self._tops[at : at + 1] = [half.ranks[-1] for half in halves]

    def kept(self) -> Iterator[BackOrder]:
        """The lines that do not lend, first to last."""
        for block in self.blocks:
            if block.tally.kept_lines:
                yield from (line for line, slot in zip(block.lines, block.slots, strict=True) if not slot.lent)

    def lent(self) -> Iterator[BackOrder]:
        """The lines that lend, first to last."""
        for block in self.blocks:
            if block.tally.lent_lines:
                yield from (line for line, slot in zip(block.lines, block.slots, strict=True) if slot.lent)

    def of_band(self, band: int) -> Iterator[BackOrder]:
        """All lines of a band, first to last."""
        for at in range(bisect_left(self._tops, band, key=_band), len(self.blocks)):
            block = self.blocks[at]
            for i in range(bisect_left(block.ranks, band, key=_band), len(block.ranks)):
                if block.ranks[i].band != band:
                    return
                yield block.lines[i]

    def around(self, rank: Rank, count: int) -> tuple[list[BackOrder], list[BackOrder]]:
        """The lines next to a rank: at most `count` before it and as many behind it, in rank order."""
        if not self.blocks:
            return [], []
        at, i = self._where(rank)
        block = self.blocks[at]
        end = i + (i < len(block.ranks) and block.ranks[i] == rank)
        before, behind = block.lines[max(0, i - count) : i], block.lines[end : end + count]
        if len(before) < count and at > 0:
            before = self.blocks[at - 1].lines[len(before) - count :] + before
        if len(behind) < count and at + 1 < len(self.blocks):
            behind = behind + self.blocks[at + 1].lines[: count - len(behind)]
        return before, behind

    def lending_ahead(self, rank: Rank) -> int:
        """How many lines that lend stand before this rank."""
        at = bisect_left(self._tops, rank)
        lines = sum(block.tally.lent_lines for block in self.blocks[:at])
        if at < len(self.blocks) and self.blocks[at].tally.lent_lines:
            block = self.blocks[at]
            lines += sum(slot.lent for slot in block.slots[: bisect_left(block.ranks, rank)])
        return lines

    def ahead(self, rank: Rank) -> tuple[int, int]:
        """How many lines, and how many units that they wait for, stand before this rank (lenders left out)."""
        at = bisect_left(self._tops, rank)
        lines = sum(block.tally.kept_lines for block in self.blocks[:at])
        units = sum(block.tally.kept for block in self.blocks[:at])
        if at < len(self.blocks):
            block = self.blocks[at]
            before = block.kept[: bisect_left(block.ranks, rank)]
            lines += len(before) - before.count(0)
            units += sum(before)
        return lines, units
