"""How much room is left up to a place when lines have to be served by their places."""

from collections.abc import Iterable
from itertools import pairwise


class Room:
    """Units that can still be served up to each of some places. Whoever takes room takes the last before its place.

    Between two neighbouring places stands how much is left there; below zero before the first: more was taken than
    there is. What is used up is skipped, and the sums are a Fenwick tree: thousands of lines take in milliseconds.
    """

    def __init__(self, places: Iterable[int]) -> None:
        ends = sorted(set(places))
        self._index = {end: i for i, end in enumerate(ends)}
        self._left = [*ends[:1], *(end - before for before, end in pairwise(ends))]
        self._open = list(range(len(ends)))  # where the last room at or before each is, by way of others
        self._sums = [0, *self._left]
        for i in range(1, len(self._sums)):
            if (above := i + (i & -i)) < len(self._sums):
                self._sums[above] += self._sums[i]

    def upto(self, place: int) -> int:
        """How many units can be served up to a place."""
        i, units = self._index[place] + 1, 0
        while i:
            units += self._sums[i]
            i &= i - 1
        return units

    def take(self, place: int, units: int) -> None:
        """Serve units as late as the place allows."""
        while units:
            i = self._last_open(self._index[place])
            taken = min(units, self._left[i]) if i else units
            self._note(i, taken)
            units -= taken

    def _note(self, i: int, taken: int) -> None:
        self._left[i] -= taken
        if i and not self._left[i]:
            self._open[i] = i - 1
        i += 1
        while i < len(self._sums):
            self._sums[i] -= taken
            i += i & -i

    def _last_open(self, i: int) -> int:
        while self._open[i] != i:
            self._open[i] = self._open[self._open[i]]
            i = self._open[i]
        return i
