"""The ledger step alone: order lines decided, stored and numbered for publishing, by one process without a broker.

Records are made before the clock starts; the database is real and syncs to disk. Run:
python tests/benchmarks/bench_ledger.py [--lines 60000] [--batch 1000] [--lanes 20000] [--profile]

With --profile it also says what kind of work the time went to; a few hundred thousand lines give it enough to look at.
"""

import argparse
import asyncio
import platform
import random
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import structlog
import uvloop
from ledger_profile import sampled, table

from backorder_contracts.internal import Cause, LineDetail, LinePlaced, Origin
from backorder_dev.database import provision
from backorder_dev.postgres import EmbeddedPostgres
from backorder_runtime import migrate, store
from backorder_runtime.batch import Batch
from backorder_runtime.bundle import Bundler
from backorder_runtime.clock import utc_now
from backorder_runtime.record import Message, Record
from backorder_runtime.service import collect_seldom
from backorder_runtime.settings import DatabaseSettings
from backorder_runtime.shard import Shard
from backorder_runtime.transaction import run
from gap_detector.handlers import READERS, TOPICS, GapLedger

BUNDLE = 500  # lines
PLACED = datetime(2026, 11, 24, 7, tzinfo=UTC)
_encode = msgspec.json.Encoder().encode
_HEADERS = (
    ("ce_specversion", b"1.0"),
    ("ce_id", b"gap-detector.intake.order-placed.1.2.0"),
    ("ce_source", b"/backorder/gap-detector/intake"),
    ("ce_type", b"bundle"),
    ("ce_time", b"2026-11-24T07:00:00Z"),
    ("ce_sequence", b"order-placed.1.2.0"),
    ("content-type", b"application/json"),
)
_TRACE = "00-9889a2be0a593f3e1a7240595b5e9c38-3f500696fb684506-01"


class _Confirmed:
    """A relay that has sent whatever there was."""

    sent_sequence = 0


def stock(demand: dict[int, int]) -> list[Record]:
    """Nine tenths of what will be ordered of each part."""
    header = (("ce_type", b"stock.positioned"),)
    positions = [
        {
            "part_id": f"P{part}",
            "location_id": "W1",
            "on_hand": units * 9 // 10,
            "version": 1,
            "cause": {"type": "stock.changed", "id": "count"},
        }
        for part, units in demand.items()
    ]
    return [Record("supply", 0, n, None, _encode(position), header) for n, position in enumerate(positions)]


def order_lines(parts: Sequence[int], quantities: Sequence[int]) -> list[Record]:
    """Orders of three lines each."""
    bundler = Bundler(1)
    for n, (part, quantity) in enumerate(zip(parts, quantities, strict=True)):
        order = f"SO-{n // 3}"
        line = LineDetail(order, str(n % 3), f"P{part}", "W1", quantity, PLACED, f"C-{n % 500}", "gold")
        placed = LinePlaced(line, Cause("order.placed", order), Origin("order-placed", 0, n))
        bundler.add(Message("order-line", f"P{part}@W1", "order-line.placed", _encode(placed)), _TRACE)
    return [
        Record("order-line", 0, offset, None, bundle.value, _HEADERS) for offset, bundle in enumerate(bundler.take())
    ]


async def drain(shard: "Shard[Any, Any]", pool: Any, records: Sequence[Record], batch: int) -> None:
    for start in range(0, len(records), batch):
        published = await run(pool, [Batch(shard, records[start : start + batch], due=False)], utc_now)
        for done in published.values():
            shard.relay.sent_sequence = done.last_sequence


async def measure(lines: int, batch: int, lanes: int, folder: Path, *, profile: bool = False) -> None:
    draw = random.Random(1)
    parts = draw.choices(range(lanes), [1 / (n + 1) ** 0.8 for n in range(lanes)], k=lines)
    quantities = [draw.randint(1, 5) for _ in range(lines)]
    demand: dict[int, int] = {}
    for part, quantity in zip(parts, quantities, strict=True):
        demand[part] = demand.get(part, 0) + quantity
    async with EmbeddedPostgres(folder) as postgres:
        url = (await provision(postgres.admin_url, ["gap_detector"]))["gap_detector"]
        await asyncio.to_thread(migrate.migrate, "gap_detector", DatabaseSettings(url=url))
        async with asyncpg.create_pool(url, min_size=1, max_size=2, server_settings={"jit": "off"}) as pool:
            async with pool.acquire() as conn:
                claim = await store.claim(conn, 0, "bench", dict.fromkeys(TOPICS, 0))
            ledger = GapLedger(0, 10 * lanes)
            shard: Shard[Any, Any] = Shard(0, 1, claim, (), ledger, _Confirmed(), frozenset(), None, READERS)  # type: ignore[arg-type]
            await drain(shard, pool, stock(demand), batch)
            records = order_lines(parts, quantities)
            wall, cpu = time.perf_counter(), time.process_time()
            with sampled() if profile else nullcontext(Counter()) as met:
                await drain(shard, pool, records, batch // BUNDLE)
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            short = await pool.fetchval("SELECT count(*) FROM line WHERE opened")
    print(
        f"{lines:,} lines in {len(demand):,} lanes, {short / lines:.0%} short, batches of {batch:,}; "
        f"{platform.machine()}, Python {platform.python_version()}\n"
        f"{lines / wall:,.0f} lines/s; {1e6 * cpu / lines:.1f} µs of this process per line"
    )
    if profile:
        print(table(met, 1e6 * cpu / lines))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--lines", type=int, default=60_000)
    options.add_argument("--batch", type=int, default=1_000, help=f"lines, in bundles of {BUNDLE}; at least one")
    options.add_argument("--lanes", type=int, default=20_000)
    options.add_argument("--profile", action="store_true", help="say what kind of work the time of the process goes to")
    chosen = options.parse_args()
    if chosen.batch < BUNDLE:
        options.error(f"--batch {chosen.batch} is less than a bundle: at least {BUNDLE}")
    collect_seldom()  # as a service does
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    with tempfile.TemporaryDirectory(prefix="backorder-bench-") as folder:
        where = Path(folder) / "postgres"
        uvloop.run(measure(chosen.lines, chosen.batch, chosen.lanes, where, profile=chosen.profile))


if __name__ == "__main__":
    main()
