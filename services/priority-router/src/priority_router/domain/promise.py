"""When customers may expect what they wait for: the queue in rank order over supply in time order."""

from bisect import bisect_left
from datetime import UTC, datetime, timedelta
from itertools import accumulate

from backorder_contracts.internal import Cause
from priority_router.domain.draft import Draft
from priority_router.domain.events import Inbound
from priority_router.domain.facts import AtRisk, Promised, PromiseKept, PromiseWithdrawn
from priority_router.domain.ladder import Block
from priority_router.domain.order import BackOrder, Promise
from priority_router.domain.turns import IN_RANK_ORDER, NEVER, Turn, Turns, run_of

Dates = tuple[datetime, datetime]
FRESH = timedelta(hours=1)
"""Promises that rest on an overdue delivery are not moved more often."""
_BEGIN, _END = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


class Supply:
    """Inbound deliveries as steps: how many units will have come by when, units that are owed taken off.

    While one is overdue at `now`, none comes before the hour is full: a date that moved with the clock would be another
    one for each portion of promises, and what was promised first would have to be promised anew when the last had its.
    """

    def __init__(self, deliveries: tuple[Inbound, ...], owed: int, now: datetime) -> None:
        by_p50 = sorted(deliveries, key=lambda d: (d.p50, d.delivery_id))
        by_p90 = sorted(deliveries, key=lambda d: (d.p90, d.delivery_id))
        self._sums50 = [n - owed for n in accumulate(d.units for d in by_p50)]
        self._sums90 = [n - owed for n in accumulate(d.units for d in by_p90)]
        overdue = bool(by_p50) and by_p50[0].p50 < now
        soonest = now + (_BEGIN - now) % FRESH if overdue else now
        self._dates50 = [max(d.p50, soonest) for d in by_p50]
        self._dates90 = [max(d.p90, soonest) for d in by_p90]
        self._ids = [d.delivery_id for d in by_p50]
        self.total = self._sums50[-1] if deliveries else -owed

    def dates(self, unit: int) -> Dates | None:
        """When the `unit`-th unit that is waited for comes: median and cautious date; None if never."""
        i, j = self.steps(unit)
        return (self._dates50[i], self._dates90[j]) if i < len(self._ids) else None

    def steps(self, unit: int) -> tuple[int, int]:
        """The deliveries that bring that unit, in order of the one date and of the other."""
        return bisect_left(self._sums50, unit), bisect_left(self._sums90, unit)

    def until(self, unit: int) -> int:
        """The last unit that comes when this one does."""
        i, j = self.steps(unit)
        return min(self._sums50[i], self._sums90[j]) if i < len(self._ids) else NEVER

    def deliveries(self, first: int, last: int) -> tuple[str, ...]:
        """The deliveries that bring the units from `first` to `last`."""
        return tuple(self._ids[self.steps(first)[0] : self.steps(last)[0] + 1])


def reckon(draft: Draft) -> bool:
    """Publish every promise that moved by more than the tolerance; whether that was all of them.

    At most `at_once` are published in one go. Blocks of lines that share one date and hold promises near it
    are passed without a look at their lines, and the walk ends where supply does.
    """
    ladder = draft.queue.ladder
    turns = Turns([run_of(block) for block in ladder.blocks], draft.given) if ladder.tally.guarded else IN_RANK_ORDER
    walk = Walk(draft, Supply(draft.inbound, max(-draft.idle, 0), draft.now), turns)
    for turn in turns.turns:
        walk.turn(turn)
    before = 0
    promised = ladder.tally.promised
    for number, block in enumerate(ladder.blocks):
        if walk.full:
            return False
        if turns.position(before + 1) > walk.supply.total and not promised:
            break
        kept = block.tally.kept - turns.units(number)
        if kept:
            walk.through(block, before, kept)
        before += kept
        promised -= block.tally.promised
    return not walk.full


class Walk:
    """One reckoning of the promises of a lane."""

    def __init__(self, draft: Draft, supply: Supply, turns: Turns) -> None:
        self._draft = draft
        self.supply = supply
        self._turns = turns
        self._given = draft.given
        self._tolerance = draft.policy.tolerance
        self._cause = draft.stirred_by or draft.cause
        self._left = draft.at_once

    @property
    def full(self) -> bool:
        """Whether as many promises were published as one decision may."""
        return self._left <= 0

    def turn(self, turn: Turn) -> None:
        """Look at a line that is taken out of the order of rank."""
        self.line(turn.line, turn.first, turn.last)

    def through(self, block: Block, before: int, kept: int) -> None:
        """Look at the lines of a block that are served in the order of rank: `kept` units, `before` others before."""
        turns, supply = self._turns, self.supply
        if self._same(before + 1) >= before + kept and self._quiet(block, supply.dates(turns.position(before + 1))):
            return
        near, same = None, -1
        units = block.kept if kept == block.tally.kept else self._in_rank_order(block)
        for line, waiting, p50, p90 in zip(block.lines, units, block.p50, block.p90, strict=True):
            if not waiting:
                continue
            first, before = before + 1, before + waiting
            if before > same:
                near, same = self._near(supply.dates(turns.position(before))), self._same(before)
            stands = near and p50 and p90 and near[0] <= p50 <= near[1] and near[2] <= p90 <= near[3]
            if not stands:
                self.line(line, turns.position(first), turns.position(before))

    def _in_rank_order(self, block: Block) -> list[int]:
        """How many units each line of a block waits for; 0 for one that is taken out of the order of rank."""
        units, upto = list(block.kept), list(accumulate(block.kept))
        for guard in block.bounds.guards:
            if guard.line.back_order_id in self._turns:
                units[bisect_left(upto, guard.upto)] = 0
        return units

    def _near(self, dates: Dates | None) -> tuple[datetime, datetime, datetime, datetime] | None:
        """Between which dates a promise does not differ from these by more than the tolerance."""
        if dates is None:
            return None
        wide = self._tolerance
        (from50, to50), (from90, to90) = ((date - wide, min(date, _END - wide) + wide) for date in dates)
        return from50, to50, from90, to90

    def _same(self, unit: int) -> int:
        """Up to which unit of those in the order of rank all come when this one does."""
        shift = self._turns.position(unit) - unit
        return min(self._turns.until(unit), self.supply.until(unit + shift) - shift)

    def _quiet(self, block: Block, dates: Dates | None) -> bool:
        """Whether surely every promise in the block stands, all its lines having this date."""
        tally = block.tally
        if dates is None:
            return not tally.promised
        bounds = block.bounds
        if tally.promised < tally.kept_lines or tally.unplaced or bounds.p50 is None or bounds.p90 is None:
            return False
        return all(
            abs(date - bound) <= self._tolerance
            for date, both in zip(dates, (bounds.p50, bounds.p90), strict=True)
            for bound in both
        )

    def line(self, line: BackOrder, first: int, last: int) -> None:
        """Say what is new about a line that is to get the units from `first` to `last`."""
        if self.full:
            return
        dates, old = self.supply.dates(last), line.promise
        key, cause, place = line.back_order_id, self._cause, last + self._given
        if not _moved(old, dates, self._tolerance):
            if old is not None and line.place is None:
                self._draft.emit(PromiseKept(back_order_id=key, cause=cause, place=place))
            return
        self._left -= 1
        overtaken = self._overtaken(line, dates)
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
                place=place,
                overtaken=overtaken,
            )
        )
        warn(self._draft, key, cause)

    def _overtaken(self, line: BackOrder, dates: Dates | None) -> bool:
        """Whether others made the promise worse: at the line's old place it would be better than it is now."""
        if line.promise is None or line.place is None or not _later(line.promise, dates, self._tolerance):
            return False
        place = line.place - self._given
        if place <= 0:
            return True  # it had the units, and they were taken for others
        then = self.supply.dates(place)
        return then is not None and _later(Promise(*then), dates, self._tolerance)


def _moved(old: Promise | None, dates: Dates | None, tolerance: timedelta) -> bool:
    if old is None or dates is None:
        return (old is None) != (dates is None)
    return abs(dates[0] - old.p50) > tolerance or abs(dates[1] - old.p90) > tolerance


def _later(old: Promise, dates: Dates | None, tolerance: timedelta) -> bool:
    return dates is None or dates[0] - old.p50 > tolerance or dates[1] - old.p90 > tolerance


def warn(draft: Draft, back_order_id: str, cause: Cause) -> None:
    """Say once that the promise is later than the due date."""
    line = draft.see(back_order_id)
    if line.promise is None or line.due_at is None or line.at_risk or line.closed:
        return
    if line.promise.p50 > line.due_at:
        draft.emit(AtRisk(back_order_id=back_order_id, cause=cause))
