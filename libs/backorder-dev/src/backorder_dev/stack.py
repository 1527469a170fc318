"""A broker and a database together, however they run: what tests are written against."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from pydantic import PostgresDsn

from backorder_dev.containers import DockerKafka, DockerPostgres
from backorder_dev.database import drop, provision
from backorder_dev.kafka import EmbeddedKafka
from backorder_dev.postgres import EmbeddedPostgres
from backorder_dev.services import READERS, ROLES
from backorder_dev.topics import DEFAULT_PARTITIONS, create_topics
from backorder_runtime import migrate
from backorder_runtime.settings import DatabaseSettings

Kind = Literal["embedded", "docker"]


class Broker(Protocol):
    """A Kafka broker that can be stopped, killed and started again on the same port with the same data."""

    @property
    def bootstrap_servers(self) -> str:
        """`host:port` for clients."""

    @property
    def pid(self) -> int | None:
        """Of its process; None while it does not run, and in Docker."""

    async def start(self) -> None:
        """Start, and return when it answers."""

    async def stop(self) -> None:
        """Stop in order."""

    async def kill(self) -> None:
        """Kill at once."""


class DatabaseServer(Protocol):
    """A PostgreSQL server that can be stopped, killed and started again, as above."""

    @property
    def admin_url(self) -> str:
        """Superuser access to the maintenance database."""

    @property
    def pid(self) -> int | None:
        """Of its process; None while it does not run, and in Docker."""

    def admin_url_of(self, database: str = ...) -> str:
        """Superuser access to another database."""

    async def start(self) -> None:
        """Start, and return when it answers."""

    async def stop(self, mode: Literal["smart", "fast", "immediate"] = ...) -> None:
        """Stop; `immediate` as a crash would."""

    async def kill(self) -> None:
        """Kill at once."""


@dataclass(frozen=True, slots=True)
class Database:
    """One provisioned database.

    Attributes:
        name: of the database.
        admin_url: superuser access to it.
        urls: connection URL per service module (`gap_detector`, …), each with its own role.
    """

    name: str
    admin_url: str
    urls: dict[str, str]

    async def migrated(self, module: str) -> str:
        """The URL of a service's schema, brought to its newest migration."""
        url = self.urls[module]
        await asyncio.to_thread(migrate.migrate, module, DatabaseSettings(url=PostgresDsn(url)))
        return url


@dataclass(frozen=True, slots=True)
class Stack:
    """A broker with all topics and a provisioned database, used by nobody else.

    Attributes:
        broker: may be stopped, killed and started again.
        postgres: likewise.
        database: on this server.
        partitions: of the lane-keyed topics.
    """

    broker: Broker
    postgres: DatabaseServer
    database: Database
    partitions: int


@contextlib.asynccontextmanager
async def running_broker(kind: Kind, folder: Path, *, partitions: int = DEFAULT_PARTITIONS) -> AsyncIterator[Broker]:
    """Run a broker with all topics of the registry; its data go when the block ends."""
    broker = EmbeddedKafka(folder) if kind == "embedded" else DockerKafka()
    async with _running(broker, folder):
        await create_topics(broker.bootstrap_servers, partitions=partitions)
        yield broker


@contextlib.asynccontextmanager
async def running_postgres(kind: Kind, folder: Path) -> AsyncIterator[DatabaseServer]:
    """Run a database server; its data go when the block ends."""
    server = EmbeddedPostgres(folder) if kind == "embedded" else DockerPostgres()
    async with _running(server, folder):
        yield server


@contextlib.asynccontextmanager
async def fresh_database(server: DatabaseServer, name: str | None = None) -> AsyncIterator[Database]:
    """Provision a database of its own and drop it when the block ends.

    Roles belong to the server, so their passwords are the same in all its databases: who has one goes on.
    """
    chosen = name or f"test_{uuid.uuid4().hex[:12]}"
    passwords = dict.fromkeys((*ROLES, *READERS), "of-tests")
    urls = await provision(server.admin_url, ROLES, readers=READERS, database=chosen, passwords=passwords)
    try:
        yield Database(chosen, server.admin_url_of(chosen), urls)
    finally:
        with contextlib.suppress(OSError):  # a test may have left the server down
            await drop(server.admin_url, chosen)


@contextlib.asynccontextmanager
async def running_stack(kind: Kind, folder: Path, *, partitions: int = DEFAULT_PARTITIONS) -> AsyncIterator[Stack]:
    """Run a broker and a database server, prepared for the services."""
    async with (
        running_postgres(kind, folder / "postgres") as postgres,
        running_broker(kind, folder / "kafka", partitions=partitions) as broker,
        fresh_database(postgres) as database,
    ):
        yield Stack(broker, postgres, database, partitions)


@contextlib.asynccontextmanager
async def _running(
    server: EmbeddedKafka | EmbeddedPostgres | DockerKafka | DockerPostgres, folder: Path
) -> AsyncIterator[None]:
    try:
        await server.start()
        yield
    finally:
        if isinstance(server, EmbeddedKafka | EmbeddedPostgres):
            await server.kill()  # its data go anyway
            shutil.rmtree(folder, ignore_errors=True)
        else:
            await server.close()
