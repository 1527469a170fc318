"""`backorder policy simulate`: what a policy would have changed, from what was recorded. Reads only."""

import asyncio
import re
import sys
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import msgspec
from aiokafka.errors import KafkaError
from asyncpg import Connection
from pydantic_core import PydanticCustomError
from rich.console import Console
from rich.table import Table

from backorder_contracts.fields import parse_time_or_date
from backorder_runtime.clock import utc_now
from backorder_runtime.local_settings import NoSystem, database_url, kafka_settings
from backorder_runtime.settings import KafkaSettings
from priority_router import recording
from priority_router.comparison import Comparing, Comparison, Line, Sums
from priority_router.domain.policy import Policy
from priority_router.recording import NotRecorded
from priority_router.replay import WhatIf

_SPAN = re.compile(r"(\d+)([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def moment(text: str, now: datetime) -> datetime:
    """`2h` (ago), a time with an offset, or a date. Raises ValueError."""
    if found := _SPAN.fullmatch(text):
        return now - timedelta(**{_UNITS[found[2]]: int(found[1])})
    try:
        return parse_time_or_date(text)
    except PydanticCustomError as error:
        raise ValueError(f"--since {text}: {error.message()}, or a span such as 12h or 2d") from error


async def compare(
    conn: "Connection[Any]", kafka: KafkaSettings, policy: Policy, since: datetime, until: datetime
) -> Comparison:
    """Replay everything since a moment under another policy, and compare with what happened.

    Raises `NotRecorded` when the recording does not reach back so far. One read-only transaction: batches that
    are committed meanwhile are not seen.
    """
    comparing = Comparing(since)
    async with conn.transaction(isolation="repeatable_read", readonly=True):
        begin = await recording.start(conn, since)
        known = await recording.policies(conn)
        for shard in begin.shards:
            real = await recording.restored(conn, begin, shard, known)
            then: WhatIf | None = None
            async for batch in recording.batches(conn, kafka, begin, shard):
                if then is None and batch.now >= since:
                    then = WhatIf(real, policy, since)
                real.run(batch)
                if then is not None:
                    then.run(batch)
            then = then or WhatIf(real, policy, since)
            then.advance(until)
            for lane, queue in real.queues.items():
                comparing.add(queue.orders, then.queues[lane].orders if lane in then.queues else {}, until)
    return comparing.result(until)


def simulate(policy: Policy, since: str, *, as_json: bool) -> None:
    """Compare and print. Raises ValueError with one line for whoever typed the command."""
    now = utc_now()
    try:
        found = asyncio.run(_compare(policy, moment(since, now), now))
    except (NoSystem, NotRecorded) as problem:
        raise ValueError(str(problem)) from problem
    except (OSError, asyncpg.PostgresError, KafkaError) as error:
        raise ValueError(f"the recording cannot be read: {error}") from error
    if as_json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(found)).decode() + "\n")
    else:
        show(found, policy, Console(highlight=False))


async def _compare(policy: Policy, since: datetime, now: datetime) -> Comparison:
    conn = await asyncpg.connect(database_url("priority_router"), timeout=10)
    try:
        return await compare(conn, kafka_settings(), policy, since, now)
    finally:
        await conn.close()


def show(found: Comparison, policy: Policy, console: Console) -> None:
    """The comparison as text."""
    total = found.total
    console.print(
        f"{found.since:%Y-%m-%d %H:%M} to {found.until:%Y-%m-%d %H:%M} UTC under policy {policy.version}: "
        f"{total.lines} lines, {total.earlier} earlier, {total.later} later; "
        f"{total.breaches_avoided} breaches avoided, {total.breaches_caused} caused",
        markup=False,
    )
    for title, groups in (("band", found.bands), ("customer", found.customers)):
        moved = {name: sums for name, sums in groups.items() if sums.earlier or sums.later or title == "band"}
        if moved:
            console.print(_table(title, moved))
    for title, lines in (("Would have got their units earlier", found.earlier), ("Later", found.later)):
        if lines:
            console.print(_lines(title, lines))


def _table(title: str, groups: dict[str, Sums]) -> Table:
    table = Table(title, "lines", "earlier", "later", "late", "late then", "avoided", "caused", "gained", "lost")
    for name, sums in sorted(groups.items(), key=lambda item: (-item[1].earlier - item[1].later, item[0])):
        counts = (sums.lines, sums.earlier, sums.later, sums.late, sums.late_then)
        breaches = (sums.breaches_avoided, sums.breaches_caused)
        table.add_row(name, *map(str, (*counts, *breaches)), _span(sums.seconds_earlier), _span(sums.seconds_later))
    return table


def _lines(title: str, lines: Sequence[Line]) -> Table:
    table = Table("back order", "customer", "band", "in fact", "then", "shift", title=title, title_justify="left")
    for line in lines:
        band = line.band if line.band == line.band_then else f"{line.band} → {line.band_then}"
        shift = "" if line.shift is None else f"{'-' if line.shift < 0 else '+'}{_span(abs(line.shift))}"
        table.add_row(line.back_order_id, line.customer_id, band, _at(line.filled_at), _at(line.filled_then), shift)
    return table


def _at(time: datetime | None) -> str:
    return "not yet" if time is None else f"{time:%Y-%m-%d %H:%M:%S}"


def _span(seconds: float) -> str:
    whole = round(seconds)
    return str(timedelta(seconds=whole)) if whole else "-"
