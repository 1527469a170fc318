"""A service as a process: settings, database, producer, its loops, its HTTP port, an orderly end."""

import asyncio
import gc
import os
import socket
import sys
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import structlog
import uvloop
from asyncpg import Pool
from starlette.routing import BaseRoute

from backorder_runtime import database, http, migrate, past, retention
from backorder_runtime.broker import BrokerNotReady, LogChanged, wait_for_broker
from backorder_runtime.clock import Clock, ClockChanged, SteadyClock, utc_now
from backorder_runtime.handler import Intake, LaneHandler
from backorder_runtime.inputs import Readers
from backorder_runtime.intake import IntakeRunner
from backorder_runtime.lane_service import LaneService
from backorder_runtime.lanes import LaneRunner
from backorder_runtime.lifecycle import first_of, run_together, stop_on_signals
from backorder_runtime.past import PastLost
from backorder_runtime.permissions import NotPermitted, denied
from backorder_runtime.publisher import Publisher
from backorder_runtime.refusal_limit import TooManyRefused
from backorder_runtime.retention import Rule
from backorder_runtime.settings import Settings
from backorder_runtime.telemetry import announce, configure_logging
from backorder_runtime.topic_watch import Reads, TopicWatch

_log = structlog.get_logger()
FOR_PEOPLE = (LogChanged, BrokerNotReady, NotPermitted, TooManyRefused, ClockChanged, PastLost, database.WrongDatabase)
"""What only people can mend: it stops a service with code 2, and its message says what to do."""

_STOPPED = 2


@dataclass(frozen=True, slots=True)
class Running:
    """What a service's own side tasks and routes may use. `owned` says which shards are ours now.

    What is published by `publisher` comes from no outbox: it is lost with this process, unless the task sees to it.
    """

    settings: Settings
    pool: "Pool[Any]"
    clock: Clock
    owned: Callable[[], tuple[int, ...]]
    publisher: Publisher


SideTask = Callable[[Running, asyncio.Event], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class Service:
    """Everything that makes one service out of the engine.

    `topics` are the lane inputs; `new_handler` makes the handler of a shard that was just claimed, and no shard is
    claimed before the service is `prepared`. Of topics that have one of `readers`, bundles are read in one pass.
    `side_tasks` run beside the loops until the service stops; when one fails, the service does. What is over leaves
    the tables by `shard_rules`, which run under the fence of a shard, and `table_rules`.
    """

    name: str
    module: str
    topics: tuple[str, ...]
    new_handler: Callable[[int, Running], LaneHandler[Any, Any]]
    intake: Intake | None = None
    side_tasks: tuple[SideTask, ...] = ()
    shard_rules: tuple[Rule, ...] = ()
    table_rules: tuple[Rule, ...] = ()
    routes: Callable[[Running], Sequence[BaseRoute]] = field(default=lambda _: ())
    prepared: Callable[[], bool] = field(default=lambda: True)
    readers: Readers = field(default_factory=dict)


def main(service: Service, settings: Settings) -> None:
    """`python -m <module>` runs the service; `python -m <module> migrate` prepares its schema."""
    configure_logging(settings.log, service.name)
    collect_seldom()
    match sys.argv[1:]:
        case []:
            uvloop.run(_supervised(service, settings))
        case ["migrate"]:
            _migrate(service, settings)
        case _:
            sys.exit(f"usage: python -m {service.module} [migrate]")


def collect_seldom() -> None:
    """Have Python look for cycles seldom.

    Cached lanes are millions of objects that stay: looking through all of them would stop every shard. Those of a batch
    are gone before so many are made.
    """
    gc.set_threshold(200_000, 20, 200)


def _migrate(service: Service, settings: Settings) -> None:
    try:
        revision = migrate.migrate(service.module, settings.database)
    except database.WrongDatabase as problem:
        _log.error("stopped", problem=str(problem))
        sys.exit(_STOPPED)
    _log.info("migrated", revision=revision)


async def _supervised(service: Service, settings: Settings) -> None:
    """Run; what can only be mended from outside ends the process with one clear line."""
    try:
        await run(service, settings, stop_on_signals())
    except Exception as error:
        problem = str(error) if isinstance(error, FOR_PEOPLE) else denied(error)
        if problem is None:
            raise
        _log.error("stopped", problem=problem)
        sys.exit(_STOPPED)


async def run(service: Service, settings: Settings, stop: asyncio.Event, clock: Clock = utc_now) -> None:
    """Run a service until `stop` is set. Returns when its loops have ended and its relays are drained."""
    announce(service.name, f"backorder-{service.name}")
    await wait_for_broker(settings.kafka)
    pool = await database.connect(settings.database)
    try:
        await database.check_schema(pool, service.module, migrate.newest(service.module))
        reads = Reads(service.name, service.topics, service.intake.topics if service.intake else ())
        topics = TopicWatch(reads, settings.kafka, pool, settings.engine.topic_watch)
        await topics.start()
        await past.check(service.name, reads.outputs, settings.kafka, pool)
        steady = SteadyClock(clock, settings.engine.clock_tolerance)
        steady.compare(await database.clock(pool))
        publisher = Publisher(settings.kafka)
        try:
            await _run_loops(service, settings, stop, steady, pool, publisher, topics)
        finally:
            await asyncio.to_thread(publisher.close)
    finally:
        await pool.close()
        _log.info("stopped")


async def _run_loops(
    service: Service,
    settings: Settings,
    stop: asyncio.Event,
    clock: SteadyClock,
    pool: "Pool[Any]",
    publisher: Publisher,
    topics: TopicWatch,
) -> None:
    running = Running(settings, pool, clock, lambda: lanes.owned, publisher)
    lanes = LaneRunner(
        LaneService(
            service.name,
            service.topics,
            lambda shard: service.new_handler(shard, running),
            service.shard_rules,
            service.prepared,
            service.readers,
        ),
        settings,
        pool,
        publisher,
        clock,
        f"{socket.gethostname()}/{os.getpid()}",
        topics.check,
    )
    intake = IntakeRunner(service.name, service.intake, settings, publisher, clock) if service.intake else None
    runners: list[LaneRunner | IntakeRunner] = [lanes, *([intake] if intake else [])]

    async def database_check() -> str | None:
        return await database.check(pool)

    async def group_check() -> str | None:
        return None if all(runner.ready for runner in runners) else "joining the consumer group, claiming shards"

    table_rules = (*service.table_rules, retention.dead_letters(settings.retention))
    retention.warn_if_short(service.name, service.topics, (*service.shard_rules, *table_rules))
    app = http.application(
        lambda: all(runner.heartbeat.alive for runner in runners),
        {"database": database_check, "broker": group_check},
        service.routes(running),
    )
    _log.info("starting", partitions=settings.kafka.partitions)
    await run_together(
        stop,
        *(runner.run(stop) for runner in runners),
        http.serve(app, settings.http, stop),
        topics.run(stop),
        _watch_clocks(settings, pool, clock, stop),
        *(task(running, stop) for task in (*service.side_tasks, retention.keep_tables(table_rules))),
    )


async def _watch_clocks(settings: Settings, pool: "Pool[Any]", clock: SteadyClock, stop: asyncio.Event) -> None:
    """Stop the service when its clock and the database's go apart; not while the database is away."""
    while await first_of(stop.wait(), timeout=settings.engine.topic_watch) is None:
        with suppress(*database.PASSING):
            clock.compare(await database.clock(pool))
