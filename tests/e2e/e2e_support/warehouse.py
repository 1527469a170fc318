"""The warehouse of a test: it has the true stock, and ships what it is told may leave."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

from e2e_support.upstream import shipped, stock

Lane = tuple[str, str]
Key = tuple[str, str]  # order, line


class Warehouse:
    """Stock and versions by lane, and what was sent of each order line. Stock is never below zero."""

    def __init__(self, lanes: list[Lane]) -> None:
        self.on_hand = Counter(dict.fromkeys(lanes, 0))
        self.version: Counter[Lane] = Counter()
        self.received: Counter[Lane] = Counter()
        self.lost: Counter[Lane] = Counter()
        self.sent: Counter[Key] = Counter()

    def change(self, lane: Lane, units: int, reason: str, **more: Any) -> dict[str, Any]:
        """Units come or are gone (or are only counted); returns the event that says so."""
        self.on_hand[lane] += units
        self.version[lane] += 1
        (self.received if units > 0 else self.lost)[lane] += abs(units)
        told = {"quantity": abs(units)} if units else {}
        place = {"location": lane[1], **told, **more}
        return stock(lane[0], self.on_hand[lane], self.version[lane], reason, **place)

    def ship(self, lane: Lane, picks: list[tuple[Key, int]]) -> dict[str, Any]:
        """Units of order lines leave; returns the event."""
        for key, units in picks:
            self.sent[key] += units
            self.on_hand[lane] -= units
        self.version[lane] += 1
        lines = [shipped(*key, units) for key, units in picks]
        return stock(lane[0], self.on_hand[lane], self.version[lane], "shipped", location=lane[1], shipped=lines)

    def picks(
        self, lane_of: Mapping[Key, Lane], most: Mapping[Key, int], allowed: Mapping[Key, int]
    ) -> list[tuple[Lane, list[tuple[Key, int]]]]:
        """What may be sent now, by lane: what is allowed of each line and was not sent, as far as the stock goes."""
        left = self.on_hand.copy()
        found: dict[Lane, list[tuple[Key, int]]] = defaultdict(list)
        for key, units in allowed.items():
            lane = lane_of[key]
            send = min(min(units, most[key]) - self.sent[key], left[lane])
            if send > 0:
                found[lane].append((key, send))
                left[lane] -= send
        return list(found.items())
