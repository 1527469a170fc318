"""Order lines by the thousand at once, in lanes of their own, so that a fault meets services that have much to do."""

from collections import Counter
from collections.abc import Iterator
from itertools import cycle

from e2e_support.business import Business
from e2e_support.warehouse import Lane

from backorder_runtime.outbox import Wire

_LANES = 200
_SHORT = 10  # of the lanes, one of so many has no stock for its lines before the next burst
_AHEAD = 4  # bursts that the stock of the others is enough for: what comes in with one is late for its lines
_COUNTS = 10  # order lines to each count of stock
_LINES_PER_ORDER = 5  # at most
_UNITS = 6  # of a line, at most
_LONGEST = 64  # characters of a name: so that a few thousand lines are much to read and to send


def _name(short: str) -> str:
    return short.ljust(_LONGEST, "-")


_CUSTOMER = _name("C-BURST")  # wants no mail: sending thousands would take longer than anything that is tried out here


class Bursts:
    """Most of the lines of a burst are covered; those in short lanes open back orders, which the next one supplies."""

    def __init__(self, business: Business, lines: int) -> None:
        """`lines`: how many are ordered in a burst as a rule, so how much stock there has to be."""
        self._business = business
        self._lines = lines
        self._ordered: Counter[Lane] = Counter()
        self._number = 0
        self.lanes = [(_name(f"BURST-{n:02}"), "W1") for n in range(_LANES if lines else 0)]
        self._turn = cycle(self.lanes)

    def stock(self) -> list[Wire]:
        """What has to be in the warehouse before the first one."""
        return self._business.publish_burst([], self._receipts(), [], _CUSTOMER)

    def next(self, lines: int) -> list[Wire]:
        """So many order lines, stock for those before and after them, and counts."""
        receipts, draw = self._receipts(), self._business.draw
        orders = [(_name(f"BURST-{self._number}-{n}"), wanted) for n, wanted in enumerate(self._orders(lines))]
        self._number += 1
        counts = draw.choices(self.lanes, k=lines // _COUNTS)
        return self._business.publish_burst(orders, receipts, counts, _CUSTOMER)

    def some_lanes(self, count: int) -> list[Lane]:
        """The next ones in turn."""
        return [next(self._turn) for _ in range(count if self.lanes else 0)]

    def _orders(self, lines: int) -> Iterator[list[tuple[Lane, int]]]:
        draw = self._business.draw
        while lines:
            count = min(lines, draw.randint(1, _LINES_PER_ORDER))
            wanted = [(draw.choice(self.lanes), draw.randint(1, _UNITS)) for _ in range(count)]
            for lane, units in wanted:
                self._ordered[lane] += units
            yield wanted
            lines -= count

    def _receipts(self) -> list[tuple[Lane, int]]:
        """By lane, the units that it still lacks of what it is to have: all that was ordered, and some ahead."""
        ahead = _AHEAD * self._lines * _UNITS // (2 * _LANES) + _UNITS
        received = self._business.warehouse.received
        wanted = [
            (lane, self._ordered[lane] + (ahead if n % _SHORT else 0) - received[lane])
            for n, lane in enumerate(self.lanes)
        ]
        return [(lane, units) for lane, units in wanted if units > 0]
