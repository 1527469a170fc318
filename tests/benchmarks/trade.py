"""The business that the benchmarks run: many lanes, some asked for much more often, one line in ten short."""

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from backorder_runtime.outbox import Wire

PLENTY = 10_000_000
SHORT = 10  # one lane in ten has no stock
LINES = 3  # of an order
_SKEW = 0.8  # Zipf's exponent


@dataclass(frozen=True)
class Order:
    """An order that the generator made: where its lines are short."""

    number: int
    parts: tuple[int, ...]

    @property
    def order_id(self) -> str:
        """Its identity."""
        return f"SO-{self.number}"

    @property
    def short(self) -> tuple[int, ...]:
        """The parts among its lines that have no stock."""
        return tuple(part for part in self.parts if is_short(part))

    def wire(self, at: float | None = None) -> Wire:
        """The order as the order system publishes it, now or at another time."""
        lines = [
            {"line_id": str(n), "part_id": f"P-{part}", "location_id": "W1", "quantity": 1}
            for n, part in enumerate(self.parts)
        ]
        customer = {"customer_id": f"C-{self.number % 500}"}
        event = {"order_id": self.order_id, "placed_at": _time(at), "customer": customer, "lines": lines}
        return Wire("order-placed", None, json.dumps(event).encode(), ())


def is_short(part: int) -> bool:
    """Whether the part never has stock of its own accord; spread evenly over often and seldom ordered parts."""
    return part % SHORT == SHORT // 2


def orders(lanes: int, seed: int, first: int = 0) -> Iterator[Order]:
    """Orders without end; the parts of one order differ."""
    draw = random.Random(seed)
    weights = [1 / (n + 1) ** _SKEW for n in range(lanes)]
    total = 0.0
    sums = [total := total + weight for weight in weights]
    number = first
    while True:
        many = draw.choices(range(lanes), cum_weights=sums, k=3_000)
        for start in range(0, len(many), LINES):
            yield Order(number, tuple(many[start : start + LINES]))
            number += 1


def stock(part: int, level: int, version: int = 1, at: float | None = None) -> Wire:
    """A stock level as the warehouse system publishes it, now or at another time."""
    event = {
        "part_id": f"P-{part}",
        "location_id": "W1",
        "on_hand": level,
        "version": version,
        "occurred_at": _time(at),
        "reason": "received",
    }
    return Wire("stock-changed", None, json.dumps(event).encode(), ())


def _time(at: float | None) -> str:
    # an order of long ago would be late from its first moment
    return (datetime.now(UTC) if at is None else datetime.fromtimestamp(at, UTC)).isoformat()


def quantile(values: Sequence[float], q: float) -> float:
    """The smallest value that is not below a share `q` of all. Raises IndexError without values."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))]
