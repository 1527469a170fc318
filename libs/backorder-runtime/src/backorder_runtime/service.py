"""A service as a process: settings, database, producer, its loops, its HTTP port, an orderly end."""

import asyncio
import gc
import os
import socket
import sys
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog
import uvloop
from asyncpg import Pool
from starlette.routing import BaseRoute

from backorder_runtime import database, http, migrate
from backorder_runtime.broker import BrokerNotReady, check_topics
from backorder_runtime.clock import Clock, utc_now
from backorder_runtime.handler import Intake, LaneHandler
from backorder_runtime.intake import IntakeRunner
from backorder_runtime.lanes import LaneRunner, LaneService, LogChanged
from backorder_runtime.lifecycle import run_together, stop_on_signals
from backorder_runtime.publisher import Publisher
from backorder_runtime.settings import Settings
from backorder_runtime.telemetry import announce, configure_logging

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Running:
    """What a service's own side tasks and routes may use. `owned` says which shards are ours now."""

    settings: Settings
    pool: "Pool[Any]"
    clock: Clock
    owned: Callable[[], tuple[int, ...]]


SideTask = Callable[[Running, asyncio.Event], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class Service:
    """Everything that makes one service out of the engine.

    `topics` are the lane inputs; `new_handler` makes the handler of a shard that was just claimed.
    `side_tasks` run beside the loops until the service stops; when one fails, the service does.
    """

    name: str
    module: str
    topics: tuple[str, ...]
    new_handler: Callable[[int, Running], LaneHandler[Any, Any]]
    intake: Intake | None = None
    side_tasks: tuple[SideTask, ...] = ()
    routes: Callable[[Running], Sequence[BaseRoute]] = field(default=lambda _: ())


def main(service: Service, settings: Settings) -> None:
    """`python -m <module>` runs the service; `python -m <module> migrate` prepares its schema."""
    configure_logging(settings.log, service.name)
    # cached lanes are millions of objects that stay: looking through all of them for cycles would stop every shard
    gc.set_threshold(20_000, 20, 200)
    match sys.argv[1:]:
        case []:
            uvloop.run(_supervised(service, settings))
        case ["migrate"]:
            migrate.migrate(service.module, settings.database)
            _log.info("migrated", revision=migrate.newest(service.module))
        case _:
            sys.exit(f"usage: python -m {service.module} [migrate]")


async def _supervised(service: Service, settings: Settings) -> None:
    """Run; what can only be mended from outside ends the process with one clear line."""
    try:
        await run(service, settings, stop_on_signals())
    except (LogChanged, BrokerNotReady, database.WrongDatabase) as problem:
        _log.error("stopped", problem=str(problem))
        sys.exit(2)


async def run(service: Service, settings: Settings, stop: asyncio.Event, clock: Clock = utc_now) -> None:
    """Run a service until `stop` is set. Returns when its loops have ended and its relays are drained."""
    announce(service.name, f"backorder-{service.name}")
    await check_topics(settings.kafka, service.topics, service.intake.topics if service.intake else ())
    pool = await database.connect(settings.database)
    await database.check_schema(pool, migrate.newest(service.module))
    publisher = Publisher(settings.kafka)
    try:
        await _run_loops(service, settings, stop, clock, pool, publisher)
    finally:
        await asyncio.to_thread(publisher.close)
        await pool.close()
        _log.info("stopped")


async def _run_loops(
    service: Service,
    settings: Settings,
    stop: asyncio.Event,
    clock: Clock,
    pool: "Pool[Any]",
    publisher: Publisher,
) -> None:
    running = Running(settings, pool, clock, lambda: lanes.owned)
    lanes = LaneRunner(
        LaneService(service.name, service.topics, lambda shard: service.new_handler(shard, running)),
        settings,
        pool,
        publisher,
        clock,
        f"{socket.gethostname()}/{os.getpid()}",
    )
    intake = IntakeRunner(service.name, service.intake, settings, publisher, clock) if service.intake else None
    runners: list[LaneRunner | IntakeRunner] = [lanes, *([intake] if intake else [])]

    async def database_check() -> str | None:
        return await database.check(pool)

    async def group_check() -> str | None:
        return None if all(runner.ready for runner in runners) else "joining the consumer group, claiming shards"

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
        *(task(running, stop) for task in service.side_tasks),
    )
