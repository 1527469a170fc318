"""The picture of the moment: what every back order is at, in numbers, and what has just happened."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from dataclasses import dataclass
from datetime import datetime
from statistics import quantiles
from typing import Any

from backorder_contracts.identity import lane
from backorder_dev.demo.records import Event
from backorder_dev.demo.words import Context, Told, tell

CLOSED = frozenset({"completed", "cancelled", "rerouted"})
_BANDS = ("machine-down", "key-account", "standard")
_FEED = 14
_RATE_WINDOW = 5.0
_ENOUGH = 2  # values that quantiles need at least


@dataclass(frozen=True, slots=True)
class BandRow:
    """The open back orders of a band."""

    band: str
    open: int
    waiting: int
    oldest: float


def _place(row: tuple[str, object]) -> tuple[int, str]:
    """Bands of the policy that the local run starts with in their order, then others by name."""
    return (_BANDS.index(row[0]) if row[0] in _BANDS else len(_BANDS), row[0])


class Latency:
    """Durations in seconds, as they came."""

    def __init__(self) -> None:
        self._values: list[float] = []

    def add(self, seconds: float) -> None:
        """Note one."""
        self._values.append(max(0.0, seconds))

    def quantile(self, percent: int) -> float | None:
        """The value below which so many percent lie; None while there are hardly any."""
        if len(self._values) < _ENOUGH:
            return None
        return quantiles(self._values, n=100, method="inclusive")[percent - 1]


class Board:
    """Takes in events and keeps the picture. A repeated event changes nothing."""

    def __init__(self, sent_at: dict[str, float]) -> None:
        """Prepare an empty one; `sent_at` says when each cause was published."""
        self._sent_at = sent_at
        self.states: dict[str, dict[str, Any]] = {}
        self.types: Counter[str] = Counter()
        self.units: Counter[str] = Counter()
        self.letters: Counter[str] = Counter()
        self.outcomes: Counter[str] = Counter()
        self.to_opened = Latency()
        self.to_allocated = Latency()
        self.feed: deque[Told] = deque(maxlen=_FEED)
        self.events = 0
        self._recent: deque[float] = deque()
        self._lanes: dict[str, set[str]] = defaultdict(set)

    def hear(self, event: Event) -> None:
        """Take in what was published."""
        self.events += 1
        self._recent.append(event.seen_at)
        if event.topic == "back-order-state" and event.data:
            self._state(event, event.data)
        elif event.topic.endswith(".dead-letter"):
            self.letters[event.letter.get("reason", "?")] += 1
            self._say(tell(event))
        elif event.topic == "notification-outcome" and event.data:
            self.outcomes[f"{event.data['channel']} {event.data['result']}"] += 1

    def _state(self, event: Event, state: dict[str, Any]) -> None:
        name = state["back_order_id"]
        before = self.states.get(name)
        if before is not None and before["version"] >= state["version"]:
            return
        self.states[name] = state
        where = lane(state["part_id"], state["location_id"])
        self._lanes[where].add(name)
        self.types[event.type.removeprefix("back-order.")] += 1
        for what, units in (state.get("changed") or {}).items():
            if event.type in {"back-order.opened", "back-order.increased", f"back-order.{what}"}:
                self.units[what] += units
        self._time(event, state)
        winner = self.states.get(state.get("taken_for") or "")
        taken_for = f"{winner['order_id']}/{winner['line_id']}" if winner else None
        self._say(tell(event, Context(before, self._overtaken(event, state, where), taken_for)))

    def _time(self, event: Event, state: dict[str, Any]) -> None:
        cause = state["cause"]
        sent = self._sent_at.get(cause["id"])
        if sent is None:
            return
        if event.type == "back-order.opened" and cause["type"] == "order.placed":
            self.to_opened.add(event.seen_at - sent)
        elif event.type == "back-order.allocated" and cause["type"] == "stock.changed":
            self.to_allocated.add(event.seen_at - sent)

    def _overtaken(self, event: Event, state: dict[str, Any], where: str) -> int:
        """How many orders that were placed before still wait for the same part, when this one gets units."""
        if event.type != "back-order.allocated":
            return 0
        others = (self.states[name] for name in self._lanes[where] if name != state["back_order_id"])
        return sum(
            other["quantity"]["waiting"] > 0
            and other["status"] not in CLOSED
            and other["placed_at"] < state["placed_at"]
            for other in others
        )

    def _say(self, told: Told | None) -> None:
        if told is None:
            return
        # what matters stays on the screen for a while, although much else happens every second
        if told.weight == 0 and self.feed and self.feed[-1].at > told.at - 0.4:
            return
        self.feed.append(told)

    # ── numbers ────────────────────────────────────────────────────────────────────────────────────────

    def rate(self, now: float) -> float:
        """Events per second, over the last seconds."""
        while self._recent and self._recent[0] < now - _RATE_WINDOW:
            self._recent.popleft()
        return len(self._recent) / _RATE_WINDOW

    def open(self) -> list[dict[str, Any]]:
        """The back orders that have not ended."""
        return [state for state in self.states.values() if state["status"] not in CLOSED]

    def bands(self, now: float) -> list[BandRow]:
        """Open back orders by band; `(new)`: not ranked yet."""
        rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for state in self.open():
            rows[state["band"] or "(new)"].append(state)
        return [
            BandRow(
                band,
                len(states),
                sum(state["quantity"]["waiting"] for state in states),
                now - min(datetime.fromisoformat(state["opened_at"]).timestamp() for state in states),
            )
            for band, states in sorted(rows.items(), key=_place)
        ]

    def totals(self) -> Counter[str]:
        """Units of all back orders, by where they are."""
        found: Counter[str] = Counter()
        for state in self.states.values():
            found.update(state["quantity"])
        return found
