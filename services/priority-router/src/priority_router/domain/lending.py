"""Which complete lines leave their units to others, because known supply cannot complete them."""

from priority_router.domain.draft import Draft
from priority_router.domain.facts import LendingSet, PromiseWithdrawn
from priority_router.domain.ladder import Block, Ladder, Slot
from priority_router.domain.order import BackOrder


def flips(draft: Draft) -> list[tuple[BackOrder, bool]]:
    """The lines that begin (True) or cease (False) to lend, at most `at_once` of them.

    Every line claims what it needs of all that is known: idle and inbound units, and those that complete lines hold
    while they wait. Protected promises claim first, then the others down the ranks. A complete line whose whole
    claim is not left lends. What the rule says does not depend on who lends already, so it comes to rest.
    """
    ladder = draft.queue.ladder
    left = draft.idle + sum(inbound.units for inbound in draft.inbound) + ladder.tally.claimed
    if ladder.tally.spoken > left:
        return _one_by_one(ladder, left, draft.at_once)  # promises that cannot be kept protect nobody
    if not ladder.tally.claiming:
        return []
    left -= ladder.tally.spoken
    claiming, lending = ladder.tally.claiming, ladder.tally.lent_lines
    found: list[tuple[BackOrder, bool]] = []
    for block in ladder.blocks:
        if len(found) >= draft.at_once or (left <= 0 and claiming == lending):
            break
        tally = block.tally
        if tally.claiming:
            left = _through(block, left, found)
        else:
            left -= tally.plain
        claiming -= tally.claiming
        lending -= tally.lent_lines
    return found


def _through(block: Block, left: int, found: list[tuple[BackOrder, bool]]) -> int:
    tally, least = block.tally, block.bounds.claim
    if left >= tally.plain + tally.claims and not tally.lent_lines:
        return left - tally.plain - tally.claims
    if least is not None and left < least and tally.lent_lines == tally.claiming:
        return left - tally.plain
    for slot, line in zip(block.slots, block.lines, strict=True):
        if slot.guard is None:
            left = _claim(slot, line, left, found)
    return left


def _claim(slot: Slot, line: BackOrder, left: int, found: list[tuple[BackOrder, bool]]) -> int:
    if not slot.claim:
        return left - slot.waiting
    lends = slot.claim > left
    if lends != slot.lent:
        found.append((line, lends))
    return left if lends else left - slot.claim


def _one_by_one(ladder: Ladder, left: int, at_once: int) -> list[tuple[BackOrder, bool]]:
    found: list[tuple[BackOrder, bool]] = []
    for block in ladder.blocks:
        for slot, line in zip(block.slots, block.lines, strict=True):
            left = _claim(slot, line, left, found)
            if len(found) >= at_once:
                return found
    return found


def set_lending(draft: Draft, line: BackOrder, lending: bool) -> None:
    """Write it down; a line that lends cannot be promised anything."""
    key = line.back_order_id
    had = line.promise is not None
    draft.emit(LendingSet(back_order_id=key, cause=draft.cause, lending=lending))
    if lending and had:
        draft.emit(PromiseWithdrawn(back_order_id=key, cause=draft.cause, reason="no-supply"))
