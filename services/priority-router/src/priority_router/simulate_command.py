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
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from backorder_contracts.fields import parse_time_or_date
from backorder_runtime.clock import utc_now
from backorder_runtime.local_settings import NoSystem, database_url, kafka_settings
from backorder_runtime.settings import KafkaSettings
from priority_router import recording
from priority_router.comparison import Comparing, Comparison, Line, Sums
from priority_router.domain.policy import Policy
from priority_router.policy_diff import span
from priority_router.recording import NotRecorded
from priority_router.replay import WhatIf

_SHOWN = 20  # customers
_SPAN = re.compile(r"(\d+)([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def moment(text: str, now: datetime) -> datetime | None:
    """`2h` (ago), a time with an offset, a date; None for `start`, where the recording begins. Raises ValueError."""
    if text == "start":
        return None
    if found := _SPAN.fullmatch(text):
        return now - timedelta(**{_UNITS[found[2]]: int(found[1])})
    try:
        return parse_time_or_date(text)
    except PydanticCustomError as error:
        raise ValueError(f"--since {text}: {error.message()}, or a span such as 12h or 2d, or start") from error


async def compare(
    conn: "Connection[Any]", kafka: KafkaSettings, policy: Policy, since: datetime | None, until: datetime
) -> Comparison:
    """Replay everything since a moment (or all that is recorded) under another policy; compare with what happened.

    Raises `NotRecorded` when the recording does not reach back so far. One read-only transaction: batches that
    are committed meanwhile are not seen.
    """
    async with conn.transaction(isolation="repeatable_read", readonly=True):
        begin = await recording.start(conn, since)
        since = since or begin.at
        comparing = Comparing(since)
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
        show(found, policy, Console(highlight=False, emoji=False))


async def _compare(policy: Policy, since: datetime | None, now: datetime) -> Comparison:
    conn = await asyncpg.connect(database_url("priority_router"), timeout=10)
    try:
        return await compare(conn, kafka_settings(), policy, since, now)
    finally:
        await conn.close()


def show(found: Comparison, policy: Policy, console: Console) -> None:
    """The comparison as text."""
    total = found.total
    console.print(
        f"Policy {policy.version} instead of what was in force, {found.since:%Y-%m-%d %H:%M:%S} to "
        f"{found.until:%Y-%m-%d %H:%M:%S} UTC.\n"
        f"{total.lines} back orders: {total.earlier} would have had their units earlier, {total.later} later; "
        f"breaches avoided: {total.breaches_avoided}, caused: {total.breaches_caused}.",
        markup=False,
    )
    console.print("Late: not all units were set aside by the due date that the policy in force had set.\n")
    console.print(_groups("band", found.bands))
    if moved := {name: sums for name, sums in found.customers.items() if sums.earlier or sums.later}:
        console.print()
        console.print(_groups("customer", moved))
    for title, lines, count in (
        ("Would have got their units earlier", found.earlier, total.earlier),
        ("Would have got their units later", found.later, total.later),
    ):
        if lines:
            console.print()
            console.print(_lines(title if count == len(lines) else f"{title}: {len(lines)} of {count}", lines))


def _groups(title: str, groups: dict[str, Sums]) -> Table:
    """The groups that would have moved most, by breaches, then by lines."""
    table = _table(title)
    for name in ("lines", "earlier", "later", "late", "then", "avoided", "caused", "gained", "lost"):
        table.add_column(name, justify="right", overflow="fold")
    ordered = sorted(groups.items(), key=lambda item: (*_least_moved(item[1]), item[0]))
    for name, sums in ordered[:_SHOWN]:
        late = (sums.late, sums.late_then, sums.breaches_avoided, sums.breaches_caused)
        spans = (_span(sums.seconds_earlier), _span(sums.seconds_later))
        counts = (sums.lines, sums.earlier, sums.later, *late)
        table.add_row(Text(name), *(str(count or "-") for count in counts), *spans)
    if len(ordered) > _SHOWN:
        table.add_row(f"and {len(ordered) - _SHOWN} more")
    return table


def _least_moved(sums: Sums) -> tuple[int, int]:
    return -sums.breaches_avoided - sums.breaches_caused, -sums.earlier - sums.later


def _lines(title: str, lines: Sequence[Line]) -> Table:
    table = _table("order", title=title, title_justify="left", title_style="bold")
    for name in ("customer", "band", "all units in fact", "then"):
        table.add_column(name, overflow="fold")
    table.add_column("shift", justify="right")
    for line in lines:
        band = line.band if line.band == line.band_then else f"{line.band} → {line.band_then}"
        shift = "" if line.shift is None else f"{'-' if line.shift < 0 else '+'}{_span(abs(line.shift))}"
        names = (f"{line.order_id} line {line.line_id}", line.customer_id, band)
        table.add_row(*map(Text, names), _at(line.filled_at), _at(line.filled_then), shift)
    return table


def _table(first: str, **options: Any) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0), **options)
    table.add_column(first, no_wrap=True)
    return table


def _at(time: datetime | None) -> str:
    return "not yet" if time is None else f"{time:%m-%d %H:%M:%S}"


def _span(seconds: float) -> str:
    whole = round(seconds)
    return span(timedelta(seconds=whole)) if whole else "-"
