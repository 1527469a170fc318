"""A service small enough to see through: it counts the records of each lane, and tells each count twice.

It reads `supply-entry` and publishes on `supply` (public) and `back-order-queue` (internal).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from backorder_contracts.refusal import Reason, Refused
from backorder_runtime.database import Conn
from backorder_runtime.handler import Arrived
from backorder_runtime.record import Effect, Message, Record, SetTimer, Timer
from backorder_runtime.tables import RUNTIME_TABLES, statements

TABLES = [*statements(RUNTIME_TABLES), "CREATE TABLE tally (lane text PRIMARY KEY, count bigint, seen text[])"]
TOPIC = "supply-entry"


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

    async def load(self, conn: Conn, arrived: Sequence[Arrived[str]]) -> None:
        missing = [item.lane for item in arrived if item.lane not in self.counts]
        for row in await conn.fetch("SELECT * FROM tally WHERE lane = ANY ($1::text[])", missing):
            self.counts[row["lane"]], self.seen[row["lane"]] = row["count"], row["seen"]

    def spread(self, arrived: Arrived[str]) -> Sequence[Arrived[str]]:
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

    async def save(self, conn: Conn) -> None:
        for lane in sorted(self.changed):
            await conn.execute(
                "INSERT INTO tally VALUES ($1, $2, $3) ON CONFLICT (lane) DO UPDATE SET count = $2, seen = $3",
                lane,
                self.counts[lane],
                self.seen[lane],
            )
        self.changed.clear()


def told(values: Sequence[bytes]) -> dict[str, list[Any]]:
    """What was told of each lane, in order."""
    lanes: dict[str, list[Any]] = {}
    for value in values:
        lane, count, word = json.loads(value).split(":", 2)
        lanes.setdefault(lane, []).append((int(count), word))
    return lanes
