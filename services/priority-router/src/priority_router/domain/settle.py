"""Hands units to lines until no unit is idle that somebody may have, and no rule gives anybody a better right."""

from collections.abc import Iterator, Sequence
from itertools import chain, islice, takewhile

from priority_router.domain.draft import Draft
from priority_router.domain.facts import Allocated, PassedOver, Revoked
from priority_router.domain.lots import newest_last_known, oldest
from priority_router.domain.order import BackOrder
from priority_router.domain.policy import Strategy
from priority_router.domain.rank import Rank

MISSES = 64  # complete lines of a winning band that are looked at although what they may take does not complete them
NAMED = 3  # lines named per reason that were passed over
_NOBODY = ("", 0)


def settle(draft: Draft) -> None:
    """Units owed are taken from the last ranks; idle ones go to the first; then lenders lend and wins win.

    Lending comes before winning, because units that a lender leaves hurt nobody; and once more after it, for
    those who lost. Settling a settled queue does nothing. After `at_once` moves it stops, to go on when the
    timer rings.
    """
    for step in (_lose, _hand_out, _lend, _win, _lend):
        step(draft)
        if draft.spent:
            return


def _lose(draft: Draft) -> None:
    if draft.idle >= 0:
        return
    for key in draft.holders():
        if draft.idle >= 0 or draft.spent:
            return
        draft.moves += 1
        take_back(draft, draft.see(key), min(-draft.idle, draft.see(key).allocated), "stock-lost")


def _hand_out(draft: Draft) -> None:
    if draft.idle <= 0:
        return
    for rule, key, units in chain(_in_line(draft), (("left-over", key, None) for key in draft.lent())):
        line = draft.see(key)
        give(draft, line, min(draft.idle, line.waiting if units is None else units), rule)
        if draft.idle <= 0 or draft.spent:
            return


def _in_line(draft: Draft) -> Iterator[tuple[str, str, int | None]]:
    """Whose turn it is: the rule, the line, how many units (None: all that it waits for).

    In the order of rank, but for protected promises that would not be kept so.
    """
    turns = draft.turns()
    others = ((key, draft.see(key).waiting) for key in draft.kept() if key not in turns)
    served = 0
    key, left = next(others, _NOBODY)
    for turn in turns.turns:
        while left and served < turn.after:
            units = min(left, turn.after - served)
            yield "rank-order", key, units
            served, left = served + units, left - units
            if not left:
                key, left = next(others, _NOBODY)
        yield "promise-kept", turn.line.back_order_id, None
    if left:
        yield "rank-order", key, None
    yield from (("rank-order", key, None) for key, _ in others)


def _lend(draft: Draft) -> None:
    if not draft.any_lends():
        return
    source = Source(draft, draft.lenders())
    for key in draft.kept():
        source.fill(key, "lent")
        if source.dry or draft.spent:
            return


def _win(draft: Draft) -> None:
    for band, rules in enumerate(draft.policy.bands):
        if rules.strategy is not Strategy.WIN:
            continue
        units = draft.prey_units(band)
        if not units:
            continue
        source = Source(draft, draft.prey(band))
        missed: list[str] = []
        for key in draft.waiting_in(band):
            line = draft.see(key)
            if line.complete and line.waiting > units:
                # all or nothing: a part would only change hands and help nobody
                missed.append(key)
                if len(missed) >= MISSES:
                    break
                continue
            units -= source.fill(key, "win", [other for other in missed if not draft.see(other).lending])
            if source.dry or units <= 0 or draft.spent:
                break


class Source:
    """Lines whose units others may take, one after the other."""

    def __init__(self, draft: Draft, keys: Iterator[str]) -> None:
        self._draft = draft
        self._keys = keys
        self._key = next(keys, None)

    @property
    def dry(self) -> bool:
        """Whether nothing is left to take."""
        return self._key is None

    def fill(self, key: str, rule: str, missed: Sequence[str] = ()) -> int:
        """Take for this line what it waits for, as far as it goes; how many units.

        `missed` are better ranks that ship only complete, and that these units do not complete.
        """
        draft, taken = self._draft, 0
        # a complete line that wins must become whole here: with a part of it, it would lend again
        whole = rule == "win" and draft.see(key).complete
        while self._key is not None and draft.see(key).waiting > 0 and (whole or not draft.spent):
            loser, line = draft.see(self._key), draft.see(key)
            units = min(loser.allocated, line.waiting)
            take_back(draft, loser, units, rule, taken_for=key)
            give(draft, line, units, rule, taken_from=loser.back_order_id, missed=missed)
            taken += units
            if not draft.see(self._key).allocated:
                self._key = next(self._keys, None)
        return taken


def give(
    draft: Draft, line: BackOrder, units: int, rule: str, *, taken_from: str | None = None, missed: Sequence[str] = ()
) -> None:
    """Set idle units aside for the line."""
    draft.moves += 1
    draft.emit(
        Allocated(
            back_order_id=line.back_order_id,
            cause=draft.cause,
            units=units,
            lots=oldest(draft.idle_lots, units),
            rule=rule,
            rank=line.rank,
            at=draft.now,
            passed_over=(
                *_passed_over(draft, line.rank, rule),
                *(PassedOver(key, "cannot-be-completed") for key in missed[:NAMED]),
            ),
            missed=len(missed),
            taken_from=taken_from,
        )
    )


def take_back(draft: Draft, line: BackOrder, units: int, rule: str, *, taken_for: str | None = None) -> None:
    """Make units of the line idle again."""
    draft.emit(
        Revoked(
            back_order_id=line.back_order_id,
            cause=draft.cause,
            units=units,
            lots=newest_last_known(line.lots, units, line.allocated + line.released),
            rule=rule,
            rank=line.rank,
            taken_for=taken_for,
        )
    )


def _passed_over(draft: Draft, rank: Rank, rule: str) -> tuple[PassedOver, ...]:
    queue = draft.queue
    if rule == "promise-kept":
        better = takewhile(lambda key: draft.see(key).rank < rank, draft.kept())
        return tuple(PassedOver(key, "promise-kept") for key in islice(better, NAMED))
    if not queue.shelved and not queue.ladder.tally.lent_lines:
        return ()
    held = islice(queue.shelved.values(), NAMED)
    lending = islice(queue.ladder.lent(), NAMED)
    return tuple(
        PassedOver(line.back_order_id, reason)
        for reason, lines in (("held", held), ("cannot-be-completed", lending))
        for line in lines
        if line.rank < rank and _still(draft.see(line.back_order_id), reason)
    )


def _still(line: BackOrder, reason: str) -> bool:
    return line.held if reason == "held" else line.lending and line.waiting > 0
