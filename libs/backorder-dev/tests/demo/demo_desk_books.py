"""The stand-in's books: order lines, lanes, and which delivery a unit came with."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Line:
    """An order line, and its back order once it has one."""

    detail: dict
    where: str
    number: int
    band: int
    covered: int = 0
    cover_left: int = 0
    back_ordered: int = 0
    waiting: int = 0
    allocated: int = 0
    released: int = 0
    shipped: int = 0
    cancelled: int = 0
    lots: Counter = field(default_factory=Counter)
    shipped_lots: Counter = field(default_factory=Counter)
    version: int = 0
    since: float = 0.0
    opened_at: float = 0.0
    promise: dict | None = None
    closed: str | None = None

    @property
    def rank(self):
        return (self.band, self.number)

    @property
    def complete(self):
        return self.detail["ship_policy"] == "complete"


@dataclass
class Lane:
    on_hand: int = 0
    version: int = 0
    lots: Counter = field(default_factory=Counter)
    lines: list[Line] = field(default_factory=list)
    inbound: dict[str, dict] = field(default_factory=dict)

    @property
    def free(self):
        return self.on_hand - sum(line.cover_left + line.allocated + line.released for line in self.lines)

    def waiting(self):
        return sorted((line for line in self.lines if line.waiting), key=lambda line: line.rank)


def take_lots(lots: Counter, units: int) -> Counter:
    """Take up to so many units out of lots, oldest first."""
    taken: Counter = Counter()
    for lot in list(lots):
        part = min(units, lots[lot])
        taken[lot] += part
        lots[lot] -= part
        units -= part
        if not lots[lot]:
            del lots[lot]
    return +taken
