"""Which complete lines leave their units to others, because known supply cannot complete them."""

from priority_router.domain.draft import Draft
from priority_router.domain.facts import LendingSet, PromiseWithdrawn
from priority_router.domain.ladder import Block
from priority_router.domain.order import BackOrder


def flips(draft: Draft) -> list[tuple[BackOrder, bool]]:
    """The lines that begin (True) or cease (False) to lend, at most `at_once` of them.

    Going down the ranks, every line claims what it needs of all that is known: idle and inbound units, and
    those that complete lines hold while they wait. A complete line whose whole claim is not left lends. What
    the rule says does not depend on who lends already, so it comes to rest.
    """
    ladder = draft.queue.ladder
    if not ladder.tally.claiming:
        return []
    left = draft.idle + sum(inbound.units for inbound in draft.inbound) + ladder.tally.claimed
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
        if not slot.claim:
            left -= slot.waiting
            continue
        lends = slot.claim > left
        if not lends:
            left -= slot.claim
        if lends != slot.lent:
            found.append((line, lends))
    return left


def set_lending(draft: Draft, line: BackOrder, lending: bool) -> None:
    """Write it down; a line that lends cannot be promised anything."""
    key = line.back_order_id
    had = line.promise is not None
    draft.emit(LendingSet(back_order_id=key, cause=draft.cause, lending=lending))
    if lending and had:
        draft.emit(PromiseWithdrawn(back_order_id=key, cause=draft.cause, reason="no-supply"))
