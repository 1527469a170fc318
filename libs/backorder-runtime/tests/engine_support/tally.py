"""A service small enough to see through: it counts the records of each lane, and tells each count twice.

It reads `supply-entry` and publishes on `supply` (public) and `back-order-queue` (internal).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from backorder_contracts.refusal import Reason, Refused
from backorder_runtime.asking import Asking, Read, Statement, Write
from backorder_runtime.handler import Arrived
from backorder_runtime.record import Effect, Message, Record, SetTimer, Timer
from backorder_runtime.tables import RUNTIME_TABLES, VOID_NUMBERS, statements

TABLES = [
    *statements(RUNTIME_TABLES),
    VOID_NUMBERS,
    "CREATE TABLE tally (lane text PRIMARY KEY, count bigint, seen text[])",
]
TOPIC = "supply-entry"
_LOAD = Statement(
    "SELECT asked.shard, lane, count, seen FROM unnest($1::integer[], $2::text[]) AS asked (shard, lane) "
    "JOIN tally USING (lane)",
    0,
    {},
)
_SAVE = Statement(
    "INSERT INTO tally SELECT lane, count, string_to_array(seen, E'\\x1e') "
    "FROM unnest($1::integer[], $2::text[], $3::bigint[], $4::text[]) AS new (shard, lane, count, seen) "
    "ON CONFLICT (lane) DO UPDATE SET count = excluded.count, seen = excluded.seen",
    1,
    {},
)


@dataclass
class Tally:
    """A lane handler. The word `bad` is refused, `bug` is a defect of ours, `bell` rings a timer at once."""

    defective: bool = True
    counts: dict[str, int] = field(default_factory=dict)
    seen: dict[str, list[str]] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)

    def decode(self, record: Record) -> Arrived[str] | None:
        text = (record.value or b"").decode()
        if text == "bad":
            raise Refused(Reason.INVALID_FIELD, "the word is bad")
        return Arrived((record.key or b"").decode(), text)

    def on_timer(self, timer: Timer) -> Arrived[str]:
        return Arrived(timer.lane, f"rang {timer.key}")

    def load(self, arrived: Sequence[Arrived[str]]) -> Asking[None]:
        if missing := {item.lane for item in arrived} - self.counts.keys():
            for _, lane, count, seen in (yield Read(_LOAD, (sorted(missing),))):
                self.counts[lane], self.seen[lane] = count, seen

    def spread(self, arrived: Arrived[str], kept_for: str | None) -> Sequence[Arrived[str]]:
        return (arrived,)

    def decide(self, arrived: Arrived[str], now: datetime) -> Sequence[str]:
        if arrived.event == "bug" and self.defective:
            raise ZeroDivisionError("a defect")
        return (arrived.event,)

    def evolve(self, arrived: Arrived[str], facts: Sequence[str], now: datetime) -> Sequence[Effect]:
        lane = arrived.lane
        self.counts[lane] = self.counts.get(lane, 0) + 1
        self.seen.setdefault(lane, []).extend(facts)
        self.changed.add(lane)
        told = json.dumps(f"{lane}:{self.counts[lane]}:{arrived.event}").encode()
        effects: list[Effect] = [
            Message("back-order-queue", lane, "tally.effect", told),
            Message("supply", lane, "tally.cause", told),
        ]
        if arrived.event == "bell":
            effects.append(SetTimer(lane, "bell", now - timedelta(seconds=1)))
        return effects

    def save(self) -> Asking[None]:
        if lanes := sorted(self.changed):
            seen = ["\x1e".join(self.seen[lane]) for lane in lanes]
            yield Write(_SAVE, (lanes, [self.counts[lane] for lane in lanes], seen))
        self.changed.clear()


def told(values: Sequence[bytes]) -> dict[str, list[Any]]:
    """What was told of each lane, in order."""
    lanes: dict[str, list[Any]] = {}
    for value in values:
        lane, count, word = json.loads(value).split(":", 2)
        lanes.setdefault(lane, []).append((int(count), word))
    return lanes
