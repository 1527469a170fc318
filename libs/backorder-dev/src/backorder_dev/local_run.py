"""The whole system on this machine: what runs, in which order, and how each part learns of the others."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from backorder_dev.database import DATABASE, provision
from backorder_dev.endpoints import Endpoints, remove_endpoints, write_endpoints, write_secrets
from backorder_dev.jars import JarsError
from backorder_dev.java import JavaMissingError
from backorder_dev.kafka import EmbeddedKafka
from backorder_dev.ports import LOOPBACK, free_port
from backorder_dev.postgres import EmbeddedPostgres
from backorder_dev.process import StartError
from backorder_dev.python_process import PythonProcess
from backorder_dev.services import SERVICES, Service
from backorder_dev.supervisor import Component, Supervisor
from backorder_dev.topics import DEFAULT_PARTITIONS, TopicsError, create_topics
from backorder_runtime.broker import BrokerNotReady

Say = Callable[[str], None]


class _Server(Protocol):
    @property
    def pid(self) -> int | None: ...
    async def start(self) -> None: ...
    async def stop(self) -> None: ...


@dataclass(slots=True)
class _Prepared:
    """A server that is made ready for use after its first start."""

    name: str
    server: _Server
    prepare: Callable[[], Awaitable[None]]
    _done: bool = False

    @property
    def pid(self) -> int | None:
        return self.server.pid

    async def start(self) -> None:
        try:
            await self.server.start()
            if not self._done:
                await self.prepare()
                self._done = True
        except (JarsError, JavaMissingError, TopicsError, BrokerNotReady) as error:
            await self.server.stop()
            raise StartError(str(error)) from error
        except BaseException:
            await self.server.stop()
            raise

    async def stop(self) -> None:
        await self.server.stop()


class LocalRun:
    """Broker, database, mailbox, push endpoint and services, with all state in one folder."""

    def __init__(
        self,
        run_dir: Path,
        *,
        partitions: int = DEFAULT_PARTITIONS,
        services: Sequence[Service] = SERVICES,
        postgres_settings: dict[str, str] | None = None,
        say: Say,
        ready: Callable[[Endpoints], None] = lambda _: None,
    ) -> None:
        """Prepare; nothing runs yet.

        Args:
            run_dir: the folder, `.run` as a rule.
            partitions: of the lane-keyed topics; cannot change once the folder has data.
            services: which to run.
            postgres_settings: of the database server, beside those that it needs to run here.
            say: is given a line about each thing that happens.
            ready: called once, when everything is up for the first time.
        """
        self._dir = run_dir.resolve()
        self._partitions = partitions
        self._say = say
        self._ready: Callable[[Endpoints], None] | None = ready
        self._urls: dict[str, str] = {}
        self._smtp_port = free_port()
        self._broker = EmbeddedKafka(self._dir / "kafka", log=self._log("broker"), announce=say)
        self._postgres = EmbeddedPostgres(self._dir / "postgres", log=self._log("postgres"), settings=postgres_settings)
        self._sinks = PythonProcess("sinks", "backorder_dev.sinks", self._log("sinks"), self._sinks_environment)
        self._which = tuple(services)
        self._services = {service.name: self._service(service) for service in services}

    async def run(self, stop: asyncio.Event) -> None:
        """Run until `stop` is set; the endpoints file is there while all is up.

        Raises:
            StartError: a part did not start.
        """
        servers: list[Component] = [
            _Prepared("postgres", self._postgres, self._provision),
            _Prepared("broker", self._broker, self._create_topics),
            self._sinks,
        ]
        stages: list[Sequence[Component]] = [servers, list(self._services.values())]
        supervisor = Supervisor(stages, changed=self._publish, say=self._say)
        remove_endpoints(self._dir)
        try:
            await supervisor.run(stop)
        finally:
            remove_endpoints(self._dir)

    def endpoints(self) -> Endpoints:
        """Where everything is at this moment."""
        return Endpoints(
            kafka=self._broker.bootstrap_servers,
            database=self._postgres.admin_url_of(DATABASE),
            mailbox=str(self._dir / "mailbox"),
            push=str(self._dir / "push"),
            partitions=self._partitions,
            broker={"pid": self._broker.pid},
            postgres={"pid": self._postgres.pid},
            services={
                name: {
                    "pid": process.pid,
                    "metrics": f"{process.base_url}/metrics",
                    "health": f"{process.base_url}/healthz",
                }
                for name, process in self._services.items()
            },
            sinks={"pid": self._sinks.pid, "smtp": f"{LOOPBACK}:{self._smtp_port}", "push": self._push_url()},
            supervisor={"pid": os.getpid()},
        )

    def _publish(self) -> None:
        endpoints = self.endpoints()
        write_endpoints(self._dir, endpoints)
        if self._ready is not None:
            self._ready(endpoints)
            self._ready = None

    async def _provision(self) -> None:
        readers = {service.module: service.reads for service in self._which if service.reads}
        roles = {service.module for service in self._which if not service.reads}
        roles.update(schema for schemas in readers.values() for schema in schemas)
        self._urls = await provision(self._postgres.admin_url, sorted(roles), readers=readers)
        write_secrets(self._dir, self._urls)

    async def _create_topics(self) -> None:
        await create_topics(self._broker.bootstrap_servers, partitions=self._partitions)

    def _log(self, name: str) -> Path:
        return self._dir / "logs" / f"{name}.log"

    def _push_url(self) -> str:
        return f"{self._sinks.base_url}/push"

    def _sinks_environment(self) -> dict[str, str]:
        return {
            "BACKORDER_SINKS__MAILBOX": str(self._dir / "mailbox"),
            "BACKORDER_SINKS__PUSH": str(self._dir / "push"),
            "BACKORDER_SINKS__SMTP_PORT": str(self._smtp_port),
        }

    def _service(self, service: Service) -> PythonProcess:
        def environment() -> dict[str, str]:
            known = {
                "BACKORDER_KAFKA__BOOTSTRAP_SERVERS": self._broker.bootstrap_servers,
                "BACKORDER_KAFKA__PARTITIONS": str(self._partitions),
                "BACKORDER_DATABASE__URL": self._urls[service.module],
            }
            if service.sends:
                known |= {
                    "BACKORDER_SMTP__HOST": LOOPBACK,
                    "BACKORDER_SMTP__PORT": str(self._smtp_port),
                    "BACKORDER_SMTP__STARTTLS": "false",
                    "BACKORDER_PUSH__ALLOW_PRIVATE": "true",
                    "BACKORDER_TEAM__EMAIL": "parts-desk@backorder.example",
                    "BACKORDER_TEAM__PUSH_URL": self._push_url(),
                }
            return known

        log = self._log(service.name)
        prepare = None if service.reads else ["migrate"]
        return PythonProcess(service.name, service.module, log, environment, prepare=prepare, nice=service.nice)


@asynccontextmanager
async def running(
    run_dir: Path, services: Sequence[Service] = SERVICES, postgres_settings: dict[str, str] | None = None
) -> AsyncIterator[LocalRun]:
    """A run for as long as the block lasts, which begins when everything is up; for tests and benchmarks.

    Raises:
        StartError: a part did not start.
    """
    up, stop = asyncio.Event(), asyncio.Event()
    run = LocalRun(
        run_dir,
        services=services,
        postgres_settings=postgres_settings,
        say=lambda _: None,
        ready=lambda _: up.set(),
    )
    task, waiting = asyncio.create_task(run.run(stop)), asyncio.create_task(up.wait())
    await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
    if not up.is_set():
        waiting.cancel()
        await task
        raise StartError("the run ended before it was ready")
    try:
        yield run
    finally:
        stop.set()
        await task
