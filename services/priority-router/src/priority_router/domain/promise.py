"""When customers may expect what they wait for: the queue in rank order over supply in time order."""

from bisect import bisect_left
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import accumulate

from backorder_contracts.internal import Cause
from priority_router.domain.draft import Draft
from priority_router.domain.events import Inbound
from priority_router.domain.facts import AtRisk, Promised, PromiseWithdrawn
from priority_router.domain.ladder import Block
from priority_router.domain.order import BackOrder, Promise


class Supply:
    """Inbound deliveries as steps: how many units will have come by when, units that are owed taken off."""

    def __init__(self, deliveries: tuple[Inbound, ...], owed: int) -> None:
        by_p50 = sorted(deliveries, key=lambda d: (d.p50, d.delivery_id))
        by_p90 = sorted(deliveries, key=lambda d: (d.p90, d.delivery_id))
        self._sums50 = [n - owed for n in accumulate(d.units for d in by_p50)]
        self._sums90 = [n - owed for n in accumulate(d.units for d in by_p90)]
        self._dates50 = [d.p50 for d in by_p50]
        self._dates90 = [d.p90 for d in by_p90]
        self._ids = [d.delivery_id for d in by_p50]
        self.total = self._sums50[-1] if deliveries else -owed

    def dates(self, unit: int) -> tuple[datetime, datetime] | None:
        """When the `unit`-th unit that is waited for comes: median and cautious date; None if never."""
        i, j = self.steps(unit)
        return (self._dates50[i], self._dates90[j]) if i < len(self._ids) else None

    def steps(self, unit: int) -> tuple[int, int]:
        """The deliveries that bring that unit, in order of the one date and of the other."""
        return bisect_left(self._sums50, unit), bisect_left(self._sums90, unit)

    def deliveries(self, first: int, last: int) -> tuple[str, ...]:
        """The deliveries that bring the units from `first` to `last`."""
        return tuple(self._ids[self.steps(first)[0] : self.steps(last)[0] + 1])


def reckon(draft: Draft) -> bool:
    """Publish every promise that moved by more than the tolerance; whether that was all of them.

    At most `at_once` are published in one go. Blocks of lines that share one date and hold promises near it
    are passed without a look at their lines, and the walk ends where supply does.
    """
    ladder = draft.queue.ladder
    owed = max(-draft.idle, 0)
    walk = Walk(draft, Supply(draft.inbound, owed), Supply(draft.foreseen, owed + draft.handed))
    before = 0
    promised = ladder.tally.promised
    for block in ladder.blocks:
        if before >= walk.supply.total and not promised:
            break
        if block.tally.kept_lines and not walk.quiet(block, before):
            walk.through(block, before)
            if walk.published >= draft.at_once:
                return False
        before += block.tally.kept
        promised -= block.tally.promised
    return True


class Walk:
    """One reckoning of the promises of a lane."""

    def __init__(self, draft: Draft, supply: Supply, foreseen: Supply) -> None:
        self._draft = draft
        self.supply = supply
        self._foreseen = foreseen
        self._tolerance = draft.policy.tolerance
        self._cause = draft.stirred_by or draft.cause
        self.published = 0

    def quiet(self, block: Block, before: int) -> bool:
        """Whether surely no promise in the block moved, `before` units being waited for before it."""
        tally = block.tally
        first, last = self.supply.steps(before + 1), self.supply.steps(before + tally.kept)
        if first != last:
            return False
        dates = self.supply.dates(before + 1)
        if dates is None:
            return not tally.promised
        bounds = block.bounds
        if tally.promised < tally.kept_lines or bounds.p50 is None or bounds.p90 is None:
            return False
        return all(
            abs(date - bound) <= self._tolerance
            for date, both in zip(dates, (bounds.p50, bounds.p90), strict=True)
            for bound in both
        )

    def through(self, block: Block, before: int) -> None:
        """Look at each line of the block."""
        for line, waiting in _kept(block):
            last = before + waiting
            self._line(line, before + 1, last)
            if self.published >= self._draft.at_once:
                return
            before = last

    def _line(self, line: BackOrder, first: int, last: int) -> None:
        dates, old = self.supply.dates(last), line.promise
        if not _moved(old, dates, self._tolerance):
            return
        self.published += 1
        overtaken = self._overtaken(old, last)
        key, cause = line.back_order_id, self._cause
        if dates is None:
            reason = "overtaken" if overtaken else "no-supply"
            self._draft.emit(PromiseWithdrawn(back_order_id=key, cause=cause, reason=reason, overtaken=overtaken))
            return
        self._draft.emit(
            Promised(
                back_order_id=key,
                cause=cause,
                p50=dates[0],
                p90=dates[1],
                delivery_ids=self.supply.deliveries(first, last),
                overtaken=overtaken,
            )
        )
        warn(self._draft, key, cause)

    def _overtaken(self, old: Promise | None, last: int) -> bool:
        """Whether the promise would have become worse with the supply of the last reckoning, too.

        Units that came since then are taken off it: they are not to come any more.
        """
        if old is None:
            return False
        dates = self._foreseen.dates(last)
        return dates is None or any(
            date - then > self._tolerance for date, then in zip(dates, (old.p50, old.p90), strict=True)
        )


def _kept(block: Block) -> Iterator[tuple[BackOrder, int]]:
    return ((line, slot.waiting) for line, slot in zip(block.lines, block.slots, strict=True) if not slot.lent)


def _moved(old: Promise | None, dates: tuple[datetime, datetime] | None, tolerance: timedelta) -> bool:
    if old is None or dates is None:
        return (old is None) != (dates is None)
    return abs(dates[0] - old.p50) > tolerance or abs(dates[1] - old.p90) > tolerance


def warn(draft: Draft, back_order_id: str, cause: Cause) -> None:
    """Say once that the promise is later than the due date."""
    line = draft.see(back_order_id)
    if line.promise is None or line.due_at is None or line.at_risk or line.closed:
        return
    if line.promise.p50 > line.due_at:
        draft.emit(AtRisk(back_order_id=back_order_id, cause=cause))
