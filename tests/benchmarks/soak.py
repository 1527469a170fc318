"""Whether the system stays as it is: a steady load for an hour, with times of retention so short that rows come and go.

Prints a line a minute, and at the end a table: what each table and process had in the second half of the time, against
the first. What took shape in the first minutes (caches, pools, the first rows) is not counted. Nor may a service say
anything of claims or trouble after them, for nobody gave it a reason to.
Run: python tests/benchmarks/soak.py [--minutes 60] [--rate 50] [--out .cache/soak.md]
"""

import argparse
import asyncio
import json
import os
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from statistics import median

import asyncpg
from measured import measured, told
from meters import memory_mb, processes
from steady import PARTS, Load, Step, Watch, order, plan, system, until_seen
from trade import quantile

from backorder_contracts.identity import back_order_id
from backorder_dev.local_run import LocalRun
from backorder_runtime.outbox import Wire

_MINUTE = 1 / 1_440  # of a day
KEEP = {  # everything has come and gone after six minutes
    "BACKORDER_RETENTION__DEAD_LETTERS_DAYS": 2 * _MINUTE,
    "BACKORDER_KEEP__CLOSED_LINES_DAYS": _MINUTE,
    "BACKORDER_KEEP__CLOSED_DAYS": _MINUTE,
    "BACKORDER_KEEP__REPEATS_DAYS": 4 * _MINUTE,
    "BACKORDER_KEEP__VERSIONS_DAYS": 2 * _MINUTE,
    "BACKORDER_KEEP__DECISIONS": _MINUTE,
    "BACKORDER_KEEP__JOURNAL": 2 * _MINUTE,
    "BACKORDER_KEEP__CHECKPOINT": 2 * _MINUTE,
    "BACKORDER_NOTIFY__RETENTION": 120,
    "BACKORDER_SUPPLY__GRACE": 30,
}
# a heap that is there from the start: that it is filled up to its limit, before anything is collected, is no growth
BROKER = "-XX:+UseSerialGC -Xms512m -XX:+AlwaysPreTouch"
SETTLED = 8  # minutes
LEAST = 10  # minutes: with fewer there are no two halves to compare
_REMARK = re.compile(r'"event": "(?:claimed|fenced)"|"level": "(?:warning|error)"')
_SHOWN = 40  # of these
REPEATED = 25  # one order in so many is published again
DELAYS = {  # seconds after an order, when it has left the hot tables and is still known: it is repeated, and so on
    "order": 0,
    "promised": 0.5,
    "stock": 2,
    "delivered": 2.5,
    "shipment": 20,
    "bad": 1,
    "commanded": 30,
    "cancelled": 110,
    "again": 160,
}
SIZES = """
SELECT schemaname || '.' || relname AS name, n_live_tup AS rows, pg_total_relation_size(relid) AS bytes
FROM pg_stat_user_tables ORDER BY 1
"""


@dataclass(frozen=True)
class Measure:
    """One number over the minutes; it grows when the second half is above the first by a share and an amount."""

    name: str
    unit: str
    share: float
    amount: float
    values: list[float] = field(default_factory=list)

    def halves(self) -> tuple[float, float]:
        """The first and the second half; medians, for one bad minute is not growth."""
        middle = len(self.values) // 2
        return median(self.values[:middle]), median(self.values[middle:])

    @property
    def grows(self) -> bool:
        first, second = self.halves()
        return second > first * (1 + self.share) + self.amount


class Minutes:
    """Everything that is measured, minute after minute."""

    def __init__(self, run: LocalRun, seen: Watch, database: "asyncpg.Connection") -> None:
        self._run = run
        self._seen = seen
        self._database = database
        self.measures: dict[str, Measure] = {}

    async def take(self, *, count: bool) -> str:
        """Measure; what is not to `count` is only shown."""
        rows = await self._database.fetch(SIZES)
        memory = memory_mb(processes(self._run.endpoints()))
        for row in rows if count else ():
            self._note(f"{row['name']} rows", "", 0.1, 500, row["rows"])
            self._note(f"{row['name']} size", "MB", 0.1, 1, row["bytes"] / 1e6)
        for name, held in memory.items() if count else ():
            self._note(f"{name} memory", "MB", 0.05, 8, held)
        words = [f"{sum(row['rows'] for row in rows):9,} rows {sum(row['bytes'] for row in rows) / 1e6:7.1f} MB"]
        words.append(f"memory {sum(memory.values()):5} MB")
        for kind, times in self._seen.take().items():
            if times:
                p50, p99 = (1000 * quantile(times, q) for q in (0.5, 0.99))
                words.append(f"{kind} {p50:6.1f} / {p99:6.1f} ms")
                if count:
                    self._note(f"{kind} p50", "ms", 0.2, 5, p50)
                    self._note(f"{kind} p99", "ms", 0.2, 20, p99)
        return "  ".join(words)

    def _note(self, name: str, unit: str, share: float, amount: float, value: float) -> None:
        self.measures.setdefault(name, Measure(name, unit, share, amount)).values.append(value)

    def table(self) -> list[str]:
        """What grows first; without what is next to nothing."""
        found = [m for m in self.measures.values() if len(m.values) > 1 and max(m.values) > m.amount / 5]
        found.sort(key=lambda m: not m.grows)
        return [
            "| what | first half | second half | most | verdict |",
            "|---|---:|---:|---:|---|",
            *(
                f"| {m.name} | {first:,.1f} {m.unit} | {second:,.1f} {m.unit} | {max(m.values):,.1f} {m.unit} "
                f"| {'**growing**' if m.grows else 'flat'} |"
                for m in found
                for first, second in [m.halves()]
            ),
        ]

    @property
    def growing(self) -> Sequence[str]:
        return [m.name for m in self.measures.values() if len(m.values) > 1 and m.grows]


def others(step: Step) -> Wire | None:
    """What happens besides: repeated orders, late cancellations, deliveries, commands too late, bad records."""
    _, what, number = step
    match what:
        case "again" if number % REPEATED == 0:
            return order(number)
        case "cancelled" if number % 20 == 0:
            return _wire("order-cancelled", {"order_id": f"SO-{number}", "cancelled_at": "2026-11-24T07:00:00Z"})
        case "promised" | "delivered" if number % 10 == 0:
            return _delivery(number, received=what == "delivered")
        case "commanded" if number % 50 == 0:
            return _wire("back-order-command", _hold(number))
        case "bad" if number % 200 == 0:
            return Wire("order-placed", None, b'{"order_id": "X-', ())
    return None


def _hold(number: int) -> dict[str, object]:
    part = f"P-{number % PARTS}"
    key = back_order_id(f"SO-{number}", "1", part, "W1")
    who = {"command_id": f"K-{number}", "back_order_id": key, "requested_by": "soak"}
    return {**who, "part_id": part, "location_id": "W1", "action": "hold"}


def _delivery(number: int, *, received: bool) -> Wire:
    event = {
        "delivery_id": f"PO-{number}",
        "supplier_id": "S-1",
        "part_id": f"P-{number % PARTS}",
        "location_id": "W1",
        "version": 2 if received else 1,
        "status": "received" if received else "promised",
        "quantity": 1,
        "received_quantity": int(received),
        "promised_at": "2030-01-05",
        "occurred_at": "2026-11-24T07:00:00Z",
    }
    return _wire("supplier-delivery", event)


def _wire(topic: str, event: dict[str, object]) -> Wire:
    return Wire(topic, None, json.dumps(event).encode(), ())


async def soak(minutes: int, rate: int) -> tuple[list[str], Sequence[str]]:
    """Run; returns the table, and what is not as it was."""
    os.environ.update({name: str(value) for name, value in KEEP.items()} | {"KAFKA_JVM_PERFORMANCE_OPTS": BROKER})
    settled, where = min(SETTLED, minutes // 3), measured()
    async with system() as (run, publisher, seen):
        found = run.endpoints()
        database = await asyncpg.connect(found.database)
        await database.execute(
            "INSERT INTO notifier.contact (audience, recipient_id, email, updated_at) "
            "VALUES ('customer', 'C-0', 'c-0@customers.example', now())"
        )
        measures, began = Minutes(run, seen, database), time.time() + 1
        playing = asyncio.create_task(Load(publisher, seen).play(plan(rate, minutes * 60, began, DELAYS), others))
        for minute in range(1, minutes + 1):
            await asyncio.wait({playing}, timeout=max(0.0, began + 60 * minute - time.time()))
            if playing.done():
                playing.result()
            print(f"{minute:3} min  {await measures.take(count=minute > settled)}", flush=True)
        playing.cancel()
        await until_seen(seen, 10)
        await database.close()
        lately = began + 60 * minutes - 10
        said = remarks(Path(found.mailbox).parent / "logs", began + 60 * settled)
        unseen = sum(kind == "opened" and at < lately for (kind, _), at in seen.scheduled.items())
    head = f"{rate} order lines/s for {minutes} min, of which {settled} to settle; {told(where)}"
    lost = f"back orders not seen: {unseen}; seen twice: {seen.unexpected}"
    again = f"events published again as they were: {seen.repeated}"
    trouble = f"claims and warnings of the services: {len(said)}"
    bad = [text for text, is_bad in ((lost, unseen or seen.unexpected), (trouble, said)) if is_bad]
    return [head, "", *measures.table(), "", lost, again, trouble, *said[:_SHOWN]], [*measures.growing, *bad]


def remarks(logs: Path, since: float) -> list[str]:
    """What the services said of claims, which make them publish again what may not have arrived, and of trouble."""
    lines = [line for file in logs.glob("*.log") for line in file.open(errors="replace") if _REMARK.search(line)]
    said = sorted((datetime.fromisoformat(json.loads(line)["@timestamp"]), line.rstrip()) for line in lines)
    return [line for at, line in said if at.timestamp() >= since]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--minutes", type=int, default=60, help=f"at least {LEAST}")
    options.add_argument("--rate", type=int, default=50, help="order lines a second")
    options.add_argument("--out", type=Path, default=Path(".cache/soak.md"))
    chosen = options.parse_args()
    if chosen.minutes < LEAST:
        options.error(f"--minutes {chosen.minutes} is too short to say anything: at least {LEAST}")
    lines, wrong = asyncio.run(soak(chosen.minutes, chosen.rate))
    print("\n".join(lines))
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    chosen.out.write_text("\n".join(lines) + "\n", "utf-8")
    print(f"verdict: not as it was: {', '.join(wrong)}" if wrong else "verdict: flat")
    raise SystemExit(1 if wrong else 0)


if __name__ == "__main__":
    main()
