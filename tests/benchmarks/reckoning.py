"""What has become of every order line, held against what was published; shares no code with the product."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import trade

Line = tuple[str, str]  # order and line
Lane = tuple[int, ...]  # on hand, covered, handed to the queue, needed by it; covered and lacking of its lines together

_PLACES = {"ledger": "lines of the ledger", "opened": "back orders that opened", "queue": "back orders of the queue"}


@dataclass(frozen=True)
class Found:
    """What a system has in the end: the lines of its ledger, of its queue and of what it said, repetitions left out."""

    ledger: Sequence[Line]
    queue: Sequence[Line]
    opened: Sequence[Line]
    lanes: Mapping[str, Lane]


def reckon(orders: Iterable[trade.Order], levels: Mapping[int, int], found: Found) -> dict[str, Any]:
    """How many lines are lost and doubled in each place, and how many lanes have other numbers than they must."""
    lines = {(order.order_id, str(n)): part for order in orders for n, part in enumerate(order.parts)}
    short = {line for line, part in lines.items() if trade.is_short(part)}
    return {
        "ledger": _compared(found.ledger, lines.keys()),
        "opened": _compared(found.opened, short),
        "queue": _compared(found.queue, short),
        "lanes_off": _lanes_off(Counter(lines.values()), levels, found.lanes),
    }


def _compared(found: Iterable[Line], wanted: Iterable[Line]) -> dict[str, int]:
    """What is not there, and what is there beside one of each: a second one, or one that nobody published."""
    there, due = Counter(found), Counter(wanted)
    return {"lost": (due - there).total(), "doubled": (there - due).total()}


def _lanes_off(demand: Mapping[int, int], levels: Mapping[int, int], found: Mapping[str, Lane]) -> int:
    due = {
        f"P-{part}@W1": _lane(level, demand.get(part, 0), short=trade.is_short(part)) for part, level in levels.items()
    }
    return sum(found.get(name) != due.get(name) for name in due.keys() | found.keys())


def _lane(level: int, asked: int, *, short: bool) -> Lane:
    """One unit a line: it has cover where there is stock, and where there is none its back order needs it."""
    return (level, 0, 0, asked, 0, asked) if short else (level, asked, 0, 0, asked, 0)


def wrong(reckoned: Mapping[str, Any] | None) -> list[str]:
    """What is not as it must be, for people; nothing of what was not reckoned."""
    if reckoned is None:
        return []
    said = [f"{what} {_PLACES[name]}: {n}" for name in _PLACES for what, n in reckoned[name].items() if n]
    counted = {"events that came again with another content": "changed", "lanes with other numbers": "lanes_off"}
    return said + [f"{what}: {reckoned[name]}" for what, name in counted.items() if reckoned[name]]
