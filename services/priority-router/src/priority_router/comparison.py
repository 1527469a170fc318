"""What another policy would have changed: line by line, then per band and per customer. Pure."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from msgspec import Struct

from priority_router.domain.order import BackOrder

_EXAMPLES = 20


class Line(Struct, frozen=True):
    """One back order: when all its units were set aside, in fact and under the other policy; None: not yet.

    It is late when that was after `due_at`, the date that the policy in force gave it, or has not come although
    the date passed; both are measured against the same date.
    """

    back_order_id: str
    order_id: str
    line_id: str
    customer_id: str
    band: str
    band_then: str
    due_at: datetime
    filled_at: datetime | None
    filled_then: datetime | None
    late: bool
    late_then: bool

    @property
    def shift(self) -> float | None:
        """Seconds that the units would have come later (below zero: earlier); None when one of both never came."""
        if self.filled_at is None or self.filled_then is None:
            return None
        return (self.filled_then - self.filled_at).total_seconds()


class Sums(Struct):
    """Lines of one group; `seconds_earlier` and `seconds_later` add up what they would have gained and lost."""

    lines: int = 0
    earlier: int = 0
    later: int = 0
    late: int = 0
    late_then: int = 0
    breaches_avoided: int = 0
    breaches_caused: int = 0
    seconds_earlier: float = 0
    seconds_later: float = 0

    def add(self, line: Line, moved: str) -> None:
        """Count a line in."""
        self.lines += 1
        self.earlier += moved == "earlier"
        self.later += moved == "later"
        self.late += line.late
        self.late_then += line.late_then
        self.breaches_avoided += line.late and not line.late_then
        self.breaches_caused += line.late_then and not line.late
        shift = line.shift or 0
        self.seconds_earlier += max(-shift, 0)
        self.seconds_later += max(shift, 0)


class Comparison(Struct):
    """All lines that were open in the time looked at; and those, at most 20, whose units would have moved most."""

    since: datetime
    until: datetime
    total: Sums
    bands: dict[str, Sums]
    customers: dict[str, Sums]
    earlier: list[Line]
    later: list[Line]


class Comparing:
    """Collects the lines of shard after shard. Shifts of less than `steady` are none: timers ring to the tick."""

    def __init__(self, since: datetime, steady: timedelta = timedelta(seconds=1)) -> None:
        self._since = since
        self._steady = steady
        self._lines: list[tuple[Line, str]] = []

    def add(self, real: Mapping[str, BackOrder], then: Mapping[str, BackOrder], until: datetime) -> None:
        """The back orders of a lane as they were at the end, and as they would have been."""
        for key, order in real.items():
            if order.due_at is None or (order.closed_at is not None and order.closed_at < self._since):
                continue
            if order.whole_at is not None and order.whole_at < self._since:
                continue  # nothing could have moved it any more
            self.take(_line(order, then.get(key, order), until))

    def take(self, line: Line) -> None:
        """One more line to compare."""
        self._lines.append((line, self._moved(line)))

    def _moved(self, line: Line) -> str:
        if line.filled_at is None or line.filled_then is None:
            came = (line.filled_at is None, line.filled_then is None)
            return {(True, False): "earlier", (False, True): "later"}.get(came, "same")
        shift = line.filled_then - line.filled_at
        return "same" if abs(shift) <= self._steady else "earlier" if shift < timedelta() else "later"

    def result(self, until: datetime) -> Comparison:
        """What came out; the lines that moved most stand first, those that would never have come before them."""
        found = Comparison(self._since, until, Sums(), {}, {}, [], [])
        for line, moved in self._lines:
            groups = (
                found.total,
                found.bands.setdefault(line.band, Sums()),
                found.customers.setdefault(line.customer_id, Sums()),
            )
            for sums in groups:
                sums.add(line, moved)
        found.earlier = _most(line for line, moved in self._lines if moved == "earlier")
        found.later = _most(line for line, moved in self._lines if moved == "later")
        return found


def _most(lines: Iterable[Line]) -> list[Line]:
    def size(line: Line) -> tuple[float, str]:
        return (-abs(line.shift) if line.shift is not None else float("-inf"), line.back_order_id)

    return sorted(lines, key=size)[:_EXAMPLES]


def _line(order: BackOrder, then: BackOrder, until: datetime) -> Line:
    due_at = order.due_at or until
    return Line(
        back_order_id=order.back_order_id,
        order_id=order.line.order_id,
        line_id=order.line.line_id,
        customer_id=order.line.customer_id,
        band=order.band_name or "-",
        band_then=then.band_name or "-",
        due_at=due_at,
        filled_at=order.whole_at,
        filled_then=then.whole_at,
        late=_late(order, due_at, until),
        late_then=_late(then, due_at, until),
    )


def _late(order: BackOrder, due_at: datetime, until: datetime) -> bool:
    if order.whole_at is not None:
        return order.whole_at > due_at
    return order.waiting > 0 and until > due_at
