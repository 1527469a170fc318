"""The same broker and database in Docker containers, where an engine is at hand."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any, Literal

from backorder_dev.database import DATABASE, url
from backorder_dev.jars import KAFKA_VERSION
from backorder_dev.kafka import answers_metadata
from backorder_dev.ports import LOOPBACK, free_port
from backorder_dev.postgres import BY_BYTES, SUPERUSER, answers_query
from backorder_dev.process import StartError

KAFKA_IMAGE = f"apache/kafka:{KAFKA_VERSION}"
POSTGRES_IMAGE = "postgres:18"
_READY_TIMEOUT = 180.0


def docker_answers() -> bool:
    """Whether a Docker engine answers here."""
    import docker  # type: ignore[import-untyped]  # noqa: PLC0415 - slow to import, seldom needed

    try:
        client = docker.from_env(timeout=5)
    except docker.errors.DockerException:
        return False
    with contextlib.closing(client):
        try:
            return bool(client.ping())
        except docker.errors.DockerException:
            return False


class _Container:
    """A container on one fixed port of this machine, so that it comes back there after a kill."""

    def __init__(self, image: str, environment: dict[str, str], *, inside: int, port: int) -> None:
        from testcontainers.core.container import DockerContainer  # noqa: PLC0415

        self._container: Any = DockerContainer(image)
        self._container.with_bind_ports(inside, port)
        for name, value in environment.items():
            self._container.with_env(name, value)
        self._image = image
        self._exists = False

    async def start(self, ready: Callable[[], Awaitable[bool]]) -> None:
        if self._exists:
            await asyncio.to_thread(self._container.get_wrapped_container().start)
        else:
            await asyncio.to_thread(self._container.start)
            self._exists = True
        deadline = time.monotonic() + _READY_TIMEOUT
        while not await ready():
            if time.monotonic() > deadline:
                raise StartError(f"{self._image} was not ready after {_READY_TIMEOUT:.0f} s.\n{self._logs()}")
            await asyncio.sleep(0.1)

    def _logs(self) -> str:
        return "\n".join(part.decode(errors="replace")[-4_000:] for part in self._container.get_logs())

    async def signal(self, name: str) -> None:
        await asyncio.to_thread(self._container.get_wrapped_container().kill, name)
        await asyncio.to_thread(self._container.get_wrapped_container().wait)

    async def remove(self) -> None:
        if self._exists:
            await asyncio.to_thread(self._container.stop)
            self._exists = False


class DockerKafka:
    """`EmbeddedKafka`'s counterpart: the same methods, in a container. The data go with `close`."""

    pid = None

    def __init__(self) -> None:
        self._port = free_port()
        environment = {
            "KAFKA_NODE_ID": "1",
            "KAFKA_PROCESS_ROLES": "broker,controller",
            "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
            "KAFKA_LISTENERS": f"PLAINTEXT://:{self._port},CONTROLLER://:9093",
            "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://{LOOPBACK}:{self._port}",
            "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
            "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
            "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
            "KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS": "4",
            "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
            "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
            "KAFKA_SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR": "1",
            "KAFKA_SHARE_COORDINATOR_STATE_TOPIC_MIN_ISR": "1",
            "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
            "KAFKA_GROUP_MIN_SESSION_TIMEOUT_MS": "1000",
            "KAFKA_BROKER_SESSION_TIMEOUT_MS": "2000",
            "KAFKA_BROKER_HEARTBEAT_INTERVAL_MS": "400",
            "KAFKA_MESSAGE_MAX_BYTES": "2097152",
        }
        self._container = _Container(KAFKA_IMAGE, environment, inside=self._port, port=self._port)

    @property
    def bootstrap_servers(self) -> str:
        """`host:port` for clients."""
        return f"{LOOPBACK}:{self._port}"

    async def start(self) -> None:
        """Start and wait until it answers a metadata request."""
        await self._container.start(lambda: answers_metadata(self._port))

    async def stop(self) -> None:
        """Stop in order; `start` continues with the same data."""
        await self._container.signal("SIGTERM")

    async def kill(self) -> None:
        """Kill at once; `start` continues with the same data."""
        await self._container.signal("SIGKILL")

    async def close(self) -> None:
        """Remove the container and its data."""
        await self._container.remove()


class DockerPostgres:
    """`EmbeddedPostgres`'s counterpart: the same methods, in a container. The data go with `close`."""

    pid = None

    def __init__(self) -> None:
        self._port = free_port()
        self._password = secrets.token_urlsafe(24)
        arguments = " ".join(("--auth-host=scram-sha-256", *BY_BYTES))
        environment = {"POSTGRES_PASSWORD": self._password, "POSTGRES_INITDB_ARGS": arguments}
        self._container = _Container(POSTGRES_IMAGE, environment, inside=5432, port=self._port)

    @property
    def admin_url(self) -> str:
        """Superuser access to the maintenance database `postgres`."""
        return self.admin_url_of("postgres")

    def admin_url_of(self, database: str = DATABASE) -> str:
        """Superuser access to `database`."""
        return url(SUPERUSER, self._password, LOOPBACK, self._port, database)

    async def start(self) -> None:
        """Start and wait until it answers a query."""
        await self._container.start(lambda: answers_query(self.admin_url))

    async def stop(self, mode: Literal["smart", "fast", "immediate"] = "fast") -> None:
        """Stop; `start` continues with the same data."""
        await self._container.signal({"smart": "SIGTERM", "fast": "SIGINT", "immediate": "SIGQUIT"}[mode])

    async def kill(self) -> None:
        """Kill at once; `start` continues with the same data."""
        await self._container.signal("SIGKILL")

    async def close(self) -> None:
        """Remove the container and its data."""
        await self._container.remove()
