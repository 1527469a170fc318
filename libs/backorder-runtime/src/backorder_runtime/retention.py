"""Retention: what is over leaves the tables, a bounded number of rows at a time.

A service declares rules. Rows that a shard decides by go in a transaction of the shard, under its fence, so that no
batch is under way that has read them; the owner runs the rule, and what it publishes takes the way of all events.
The other rows go in transactions of their own, in the one process that owns shard 0.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeAlias

import structlog
from prometheus_client import Counter, Gauge

from backorder_contracts.topics import TOPICS
from backorder_runtime import database, queries
from backorder_runtime.lifecycle import Every, first_of
from backorder_runtime.record import Message
from backorder_runtime.settings import RetentionSettings

if TYPE_CHECKING:
    from backorder_runtime.service import Running

REMOVED = Counter("backorder_removed_rows", "Rows that retention took out of a table", ["table"])
RETAINED = Gauge("backorder_retained_rows", "Rows that a table has, as the database estimates", ["table"])
FAILURES = Counter("backorder_retention_failures", "Steps of retention that the database refused")

_SQL = queries.load(__package__ or "backorder_runtime")
_COUNT_EVERY = 60.0  # seconds
_PATIENCE = 30.0  # seconds after a step that failed
_BREATH = 0.05  # seconds between two steps of a table of which more is to go
_log = structlog.get_logger()

Row: TypeAlias = Any


def _nothing(_: Sequence[Row]) -> Sequence[Message]:
    return ()


@dataclass(frozen=True, slots=True)
class Rule:
    """Rows that leave `table` when they are over for longer than `after`; None when it only notes which are over.

    `statement` takes the moment before which they have to be over and how many may go at most, the rule of a shard its
    number before these; it returns a row for each that went. That of a table waits for no row of it that another
    transaction holds (`SKIP LOCKED`): the owner of a shard may be waiting for one that it holds itself. `tell`: what is
    to be published of them. `recognises`: these rows are what tells a repetition from news, so they have to outlast the
    topics.
    """

    table: str | None
    statement: str
    after: timedelta
    tell: Callable[[Sequence[Row]], Sequence[Message]] = _nothing
    recognises: bool = True

    def count(self, rows: int) -> None:
        """So many rows went."""
        if self.table is not None:
            REMOVED.labels(self.table).inc(rows)


class Rhythm:
    """When each shard is to forget again: soon while there is more to go, else after a while."""

    def __init__(self, settings: RetentionSettings) -> None:
        self._every = settings.every_seconds
        self._next: dict[int, float] = {}

    def due(self, shards: Iterable[int]) -> int | None:
        """The shard that has waited longest, if any is due. One at a time: each step holds up its process a little."""
        now = time.monotonic()
        waiting = {number: self._next.setdefault(number, now + self._every) for number in shards}
        number = min(waiting, key=waiting.__getitem__, default=None)
        return number if number is not None and waiting[number] <= now else None

    def done(self, number: int, *, more: bool) -> None:
        """A step was made; whether there is `more` to go at once."""
        self._next[number] = time.monotonic() + (0.0 if more else self._every)

    def failed(self, number: int) -> None:
        """A step was refused: the shard goes on without it for a while."""
        FAILURES.inc()
        self._next[number] = time.monotonic() + _PATIENCE


def dead_letters(settings: RetentionSettings) -> Rule:
    """The engine's own rule: which records were refused is known for as long as they can be read again."""
    return Rule("dead_letter", _SQL["forget_refusals"], timedelta(days=settings.dead_letters_days))


def longest_topic(topics: Iterable[str]) -> timedelta:
    """How long the topics among these that forget keep their records at most."""
    return max((kept for topic in topics if (kept := TOPICS[topic].retention)), default=timedelta())


def warn_if_short(service: str, topics: Iterable[str], rules: Iterable[Rule]) -> None:
    """Say so when something is forgotten while a topic may still bring what is about it."""
    longest = longest_topic(topics)
    for rule in rules:
        if rule.recognises and timedelta() < rule.after < longest:
            _log.warning(
                "retention is shorter than that of the topics: what is read late may be taken for new",
                service=service,
                table=rule.table,
                days=rule.after / timedelta(days=1),
                topics_days=longest / timedelta(days=1),
            )


def keep_tables(rules: Sequence[Rule]) -> Callable[["Running", asyncio.Event], Coroutine[Any, Any, None]]:
    """A side task that runs the rules of tables, and counts what the tables hold, where shard 0 is."""

    async def run(running: "Running", stop: asyncio.Event) -> None:
        settings = running.settings.retention
        count_due = Every(_COUNT_EVERY)
        while not stop.is_set():
            well = True
            if 0 in running.owned():
                well = await forget(running, rules, stop)
                if count_due.passed():
                    well &= await _went_well(_count(running), table=None)
            else:
                RETAINED.clear()
            await first_of(stop.wait(), timeout=settings.every_seconds if well else _PATIENCE)

    return run


async def forget(running: "Running", rules: Sequence[Rule], stop: asyncio.Event) -> bool:
    """Run rules of tables until nothing is left to go, or `stop`; whether the database refused none of them.

    One that it refuses holds up no other. Running them twice at once is safe.
    """
    well = True
    for rule in rules:
        well &= await _went_well(_empty(running, rule, stop), table=rule.table)
    return well


async def _empty(running: "Running", rule: Rule, stop: asyncio.Event) -> None:
    most = running.settings.retention.step_rows
    while not stop.is_set():
        rows = await running.pool.fetch(rule.statement, running.clock() - rule.after, most)
        rule.count(len(rows))
        if len(rows) < most:
            break
        await first_of(stop.wait(), timeout=_BREATH)


async def _count(running: "Running") -> None:
    for table, rows in await running.pool.fetch(_SQL["count_rows"]):
        RETAINED.labels(table).set(rows)


async def _went_well(work: Coroutine[Any, Any, None], *, table: str | None) -> bool:
    """Whether the database did what it was asked for; what it refuses is tried again in the next round."""
    try:
        await work
    except database.PASSING as error:
        FAILURES.inc()
        _log.warning("retention waits for the database", table=table, error=repr(error))
        return False
    return True
