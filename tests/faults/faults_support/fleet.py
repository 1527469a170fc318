"""The system that a campaign attacks: three brokers, a database, and two processes of each service.

A supervisor starts again whatever ends. Between each process and what it needs stands a proxy of its own: the
brokers tell each process to come back through its proxies, since each has a door of its own at every broker.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from backorder_dev import services
from backorder_dev.database import DATABASE, provision
from backorder_dev.endpoints import Endpoints, write_secrets
from backorder_dev.kafka import EmbeddedKafka
from backorder_dev.kafka_cluster import EmbeddedCluster
from backorder_dev.ports import free_port
from backorder_dev.postgres import EmbeddedPostgres
from backorder_dev.python_process import PythonProcess
from backorder_dev.supervisor import Backoff, Supervisor
from backorder_dev.topics import DEFAULT_PARTITIONS, create_topics
from faults_support.plan import AUDITOR, BOTH, BROKERS, SERVICES
from faults_support.proxy import LOOPBACK, Proxy
from faults_support.small_disk import SmallDisk

# how the notifier sends is quick to give up here, so that a lease runs out soon after its sender was killed
QUICK = {"BACKORDER_SMTP__TIMEOUT": "2", "BACKORDER_PUSH__TIMEOUT": "2", "BACKORDER_NOTIFY__LEASE": "17"}
# the second process of each service ends a turn with its first transaction, and has small ones: what it leaves is read again
HASTY = {
    "BACKORDER_ENGINE__TURN": "0",
    "BACKORDER_ENGINE__BATCH_BYTES": "20000",
    "BACKORDER_ENGINE__TOGETHER_BYTES": "20000",
}
_DEFINED = {service.name: service for service in services.SERVICES}


@dataclass
class Member:
    """One process of a service, its way to each broker, and its way to the database."""

    process: PythonProcess
    brokers: list[Proxy]
    database: Proxy
    wanted: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def name(self) -> str:
        return self.process.name

    @property
    def pid(self) -> int | None:
        return self.process.pid

    async def start(self) -> None:
        await self.wanted.wait()
        await self.process.start()

    async def stop(self) -> None:
        await self.process.stop()

    async def stuck(self) -> str | None:
        return await self.process.stuck()


@dataclass
class Server:
    """A server that is killed when all ends; its data go anyway. `prepare` is done after its first start."""

    name: str
    server: EmbeddedKafka | EmbeddedPostgres
    prepare: Callable[[], Awaitable[None]] | None = None

    @property
    def pid(self) -> int | None:
        return self.server.pid

    async def start(self) -> None:
        await self.server.start()
        if self.prepare is not None:
            await self.prepare()
            self.prepare = None

    async def stop(self) -> None:
        await self.server.kill()


@dataclass
class Step:
    """Something that is done once, between the starts of others."""

    name: str
    work: Callable[[], Awaitable[None]]
    pid: int | None = None

    async def start(self) -> None:
        await self.work()
        self.pid = os.getpid()

    async def stop(self) -> None:
        self.pid = None


class Fleet:
    """All of it, with all state in one folder."""

    def __init__(self, folder: Path, *, session: float, say: Callable[[str], None]) -> None:
        self.folder = folder
        self.partitions = DEFAULT_PARTITIONS
        self._session = session
        self._say = say
        self._urls: dict[str, str] = {}
        self._smtp_port = free_port()
        self.disk = SmallDisk.mount(folder / "disk")
        data = self.disk.folder if self.disk else folder
        self.postgres = EmbeddedPostgres(data / "postgres", port=free_port(), log=self.log("postgres"))
        self.sinks = PythonProcess("sinks", "backorder_dev.sinks", self.log("sinks"), self._sinks_environment)
        self.members = {name: self._member(*name) for name in [(s, n) for n in (1, 2) for s in SERVICES]}
        self.members[AUDITOR, 1] = self._member(AUDITOR, 1)
        doors = {_door(*name): [proxy.port for proxy in member.brokers] for name, member in self.members.items()}
        self.cluster = EmbeddedCluster(folder / "kafka", doors=doors)
        self.up = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        """Run until `stop` is set. Raises `StartError` when a part does not start at the beginning."""
        for name, member in self.members.items():
            for proxy, port in zip(member.brokers, self.cluster.doors[_door(*name)], strict=True):
                proxy.upstream = port
            member.database.upstream = self.postgres.port
            member.wanted.set()
        firsts = [member for (_, number), member in self.members.items() if number == 1]
        seconds = [member for (_, number), member in self.members.items() if number != 1]
        nodes = [Server(f"broker-{number}", node) for number, node in self.cluster.nodes.items()]
        stages = [
            [Server("postgres", self.postgres, self._provision), *nodes, self.sinks],
            [Step("topics", self._create_topics)],
            firsts,
            seconds,
        ]
        quick = Supervisor(stages, changed=self.up.set, say=self._say, backoff=lambda: Backoff(0.2, 1.0))
        proxies = self.proxies()
        try:
            await asyncio.gather(*(proxy.start() for proxy in proxies))
            await quick.run(stop)
        finally:
            await asyncio.gather(*(proxy.close() for proxy in proxies))
            if self.disk is not None:
                self.disk.close()

    def proxies(self) -> list[Proxy]:
        """Every one."""
        return [proxy for member in self.members.values() for proxy in (*member.brokers, member.database)]

    def chosen(self, service: str, process: int) -> list[Member]:
        """The processes that a fault is for."""
        numbers = (1, 2) if process == BOTH else (process,)
        return [self.members[service, number] for number in numbers]

    def endpoints(self) -> Endpoints:
        """Where everything is at this moment, not through any proxy. A service stands for its first process."""
        return Endpoints(
            kafka=self.cluster.bootstrap_servers,
            database=self.postgres.admin_url_of(DATABASE),
            mailbox=str(self.folder / "mailbox"),
            push=str(self.folder / "push"),
            partitions=self.partitions,
            broker={"pid": self.cluster.nodes[1].pid},
            postgres={"pid": self.postgres.pid},
            services={
                service: {"pid": self.members[service, 1].pid, "metrics": f"{member.process.base_url}/metrics"}
                for (service, number), member in self.members.items()
                if number == 1
            },
        )

    def log(self, name: str) -> Path:
        """The file into which a part writes."""
        return self.folder / "logs" / f"{name}.log"

    async def _provision(self) -> None:
        self._urls = await provision(self.postgres.admin_url, services.ROLES, readers=services.READERS)
        write_secrets(self.folder, self._urls)

    async def _create_topics(self) -> None:
        await create_topics(
            self.cluster.bootstrap_servers, partitions=self.partitions, replication_factor=len(self.cluster.nodes)
        )

    def _sinks_environment(self) -> dict[str, str]:
        return {
            "BACKORDER_SINKS__MAILBOX": str(self.folder / "mailbox"),
            "BACKORDER_SINKS__PUSH": str(self.folder / "push"),
            "BACKORDER_SINKS__SMTP_PORT": str(self._smtp_port),
        }

    def _member(self, name: str, number: int) -> Member:
        service = _DEFINED[name]
        brokers = [Proxy(free_port(), 0) for _ in range(BROKERS)]
        database = Proxy(free_port(), 0)

        def environment() -> Mapping[str, str]:
            known = {
                "BACKORDER_KAFKA__BOOTSTRAP_SERVERS": ",".join(f"{LOOPBACK}:{proxy.port}" for proxy in brokers),
                "BACKORDER_KAFKA__PARTITIONS": str(self.partitions),
                "BACKORDER_KAFKA__SESSION_TIMEOUT_MS": str(round(self._session * 1000)),
                "BACKORDER_DATABASE__URL": _through(database, self._urls[service.module]),
                "BACKORDER_AUDIT__EVERY": "10",
            }
            if service.sends:
                known |= QUICK | {
                    "BACKORDER_SMTP__HOST": LOOPBACK,
                    "BACKORDER_SMTP__PORT": str(self._smtp_port),
                    "BACKORDER_SMTP__STARTTLS": "false",
                    "BACKORDER_PUSH__ALLOW_PRIVATE": "true",
                    "BACKORDER_TEAM__EMAIL": "parts-desk@backorder.example",
                    "BACKORDER_TEAM__PUSH_URL": f"{self.sinks.base_url}/push",
                }
            if number == 2:
                known |= HASTY
            return known

        called = f"{name}-{number}"
        prepare = None if service.reads or number != 1 else ["migrate"]
        return Member(
            PythonProcess(called, service.module, self.log(called), environment, prepare=prepare, nice=service.nice),
            brokers,
            database,
        )


def _door(service: str, number: int) -> str:
    return f"{service.replace('-', '_').upper()}_{number}"


def _through(proxy: Proxy, url: str) -> str:
    parts = urlsplit(url)
    login = parts.netloc.rpartition("@")[0]
    return urlunsplit(parts._replace(netloc=f"{login}@{LOOPBACK}:{proxy.port}"))
