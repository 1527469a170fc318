"""A real Apache Kafka broker as a child process: a KRaft node, no Docker, nothing installed."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import signal
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError

from backorder_dev import aot_cache
from backorder_dev.jars import Announce, kafka_classpath, to_stderr
from backorder_dev.java import find_java
from backorder_dev.kafka_properties import LOGGING, Listener, Node, properties
from backorder_dev.ports import LOOPBACK, free_port, is_free, listens
from backorder_dev.process import Process, StartError

_READY_TIMEOUT = 90.0
_PORT_TIMEOUT = 15.0
_STOP_GRACE = 20.0
_OTHER_PORTS = 5
_TAKEN = "Address already in use"


# a broker of a minute's life on two cores: the optimising compiler would take from the services what it saves later
_QUICK = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
_OPTIONS = "KAFKA_JVM_PERFORMANCE_OPTS"  # Kafka's own scripts read it, too


class EmbeddedKafka:
    """One broker whose data, configuration and log lie in `data_dir`.

    `start` after `stop` or `kill` continues with the same data on the same port, so clients reconnect. Should
    this process die, the broker goes too.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        port: int | None = None,
        heap: str = "512m",
        log: Path | None = None,
        cache: Path | None = None,
        announce: Announce = to_stderr,
        node: Node | None = None,
        listeners: Sequence[Listener] = (),
        trains: Path | None = None,
    ) -> None:
        """Prepare; nothing runs yet.

        Args:
            data_dir: where everything of this broker lies; made if missing, kept on `stop`.
            port: the only port to use. Default: the one that `data_dir` was served on before if it is free,
                or else any.
            heap: the most memory for Java objects, as `-Xmx` takes it.
            log: the file for what the broker writes, warnings and worse; default: `broker.log` in `data_dir`.
            cache: where Kafka's jars are kept; default: the user's cache folder.
            announce: is given a line when something takes long.
            node: its place in a cluster; default: it is alone.
            listeners: more doors than the one at `port`.
            trains: the AOT cache that Java is to write when the broker is stopped; default: it uses the one that is
                there.
        """
        self._dir = data_dir.resolve()
        self._node = node
        self._listeners = tuple(listeners)
        self._port = port
        self._heap = heap
        self._log = log or self._dir / "broker.log"
        self._cache = cache
        self._trains = trains
        self._announce = announce
        self._environment: dict[str, str] = {}
        self._process: Process | None = None

    @property
    def bootstrap_servers(self) -> str:
        """`host:port` for clients; known once it was started."""
        if self._port is None:
            raise RuntimeError("the broker was never started")
        return f"{LOOPBACK}:{self._port}"

    @property
    def pid(self) -> int | None:
        """Of the Java process; None while it does not run."""
        return self._process.pid if self._process and self._process.returncode is None else None

    async def start(self) -> None:
        """Start, and return when the broker answers a metadata request.

        Raises:
            StartError: it did not start; the message carries the end of its log.
            JavaMissingError: there is no Java to run it.
            JarsError: Kafka could not be fetched.
        """
        if self.pid is not None:
            return
        self._dir.mkdir(parents=True, exist_ok=True)
        java = await asyncio.to_thread(find_java)
        jars = await asyncio.to_thread(kafka_classpath, self._cache, self._announce)
        # by the environment, not `-cp`: a command line of 12 kB would be all that `ps` shows
        self._environment = {"CLASSPATH": os.pathsep.join(map(str, jars))}
        command = [
            str(java),
            f"-Xmx{self._heap}",
            *os.environ.get(_OPTIONS, _QUICK).split(),
            *([] if self._trains else aot_cache.used_by(java, self._cache)),
            f"-Dlog4j2.configurationFile={self._dir / 'log4j2.xml'}",
        ]
        if self._port is not None:
            await self._start_on_only_port(command, self._port)
        else:
            await self._start_on_any_port(command)

    async def _start_on_only_port(self, command: list[str], port: int) -> None:
        """Insist on `port`; a connection that is just closing may hold it for a moment."""
        deadline = time.monotonic() + _PORT_TIMEOUT
        while True:
            try:
                await self._start_on(command, port)
            except StartError as error:
                if _TAKEN not in str(error) or time.monotonic() > deadline:
                    raise
            else:
                return

    async def _start_on_any_port(self, command: list[str]) -> None:
        known = self._known_port()
        for attempt in range(_OTHER_PORTS):
            port = known if attempt == 0 and known and is_free(known) else free_port()
            try:
                await self._start_on(command, port)
            except StartError as error:
                if _TAKEN not in str(error) or attempt == _OTHER_PORTS - 1:
                    raise
            else:
                self._port = port
                return

    def _known_port(self) -> int | None:
        with contextlib.suppress(OSError, ValueError):
            return int((self._dir / "port").read_text())
        return None

    async def _start_on(self, command: list[str], port: int) -> None:
        config = self._configure(port)
        await self._format(command, config)
        training = aot_cache.made_by_this_run(self._trains) if self._trains else []
        process = self._run(*command, *training, "kafka.Kafka", str(config))
        try:
            await process.ready(lambda: _answers(process.pid, port), name="the Kafka broker", timeout=_READY_TIMEOUT)
        except BaseException:
            await process.kill()
            raise
        self._process = process
        (self._dir / "port").write_text(str(port))

    def _configure(self, port: int) -> Path:
        """Write the configuration. A lone broker's controller port is nobody else's business, and new each time."""
        (self._dir / "log4j2.xml").write_text(LOGGING)
        config = self._dir / "broker.properties"
        node = self._node or _alone(port)
        config.write_text(properties(node, port, self._listeners, self._dir / "log"))
        return config

    async def _format(self, command: list[str], config: Path) -> None:
        """Give an empty data folder its cluster id, as Kafka demands."""
        if (self._dir / "log" / "meta.properties").exists():
            return
        cluster = self._node.cluster_id if self._node else new_cluster_id()
        tool = [*command, "-XX:TieredStopAtLevel=1", "kafka.tools.StorageTool"]
        process = self._run(*tool, "format", "--ignore-formatted", "-t", cluster, "-c", str(config))
        try:
            code = await process.ended(_READY_TIMEOUT)
        finally:
            await process.kill()
        if code != 0:
            raise StartError(f"Kafka's storage could not be formatted (code {code}).\n{process.tail()}")

    def _run(self, *command: str) -> Process:
        return Process(command, log=self._log, cwd=self._dir, env=self._environment)

    async def stop(self) -> None:
        """Stop in order, within 20 s; after that, kill. The data stay."""
        if self._process is not None:
            await self._process.stop(signal.SIGTERM, grace=_STOP_GRACE)
            self._process = None

    async def kill(self) -> None:
        """Kill at once, as a crash would. The data stay as they are."""
        if self._process is not None:
            await self._process.kill()
            self._process = None

    def pause(self) -> None:
        """Freeze the broker: it keeps its connections and answers nothing until `resume`."""
        if self._process is not None:
            self._process.send(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a frozen broker go on."""
        if self._process is not None:
            self._process.send(signal.SIGCONT)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()


def new_cluster_id() -> str:
    """An identity for a cluster that is being made."""
    # never a hyphen in front: Kafka's tools would take it for an option
    return "B" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode()[1:22]


def _alone(port: int) -> Node:
    controller_port = free_port()
    while controller_port == port:
        controller_port = free_port()
    return Node(1, {1: controller_port}, "")


async def _answers(pid: int, port: int) -> bool:
    """Whether this very process answers a metadata request."""
    return listens(pid, port) and await answers_metadata(port)


async def answers_metadata(port: int) -> bool:
    """Whether a broker on this port of the loopback interface answers a metadata request."""
    if not await _accepts(port):
        return False
    client = AIOKafkaClient(bootstrap_servers=f"{LOOPBACK}:{port}", request_timeout_ms=2_000)
    try:
        await client.bootstrap()
    except (KafkaError, OSError):
        return False
    finally:
        await client.close()
    return True


async def _accepts(port: int) -> bool:
    """Whether anybody takes connections there: the client would log an error for each failed try."""
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(LOOPBACK, port), 1.0)
    except (OSError, TimeoutError):
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True
