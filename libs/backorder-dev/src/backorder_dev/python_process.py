"""A Python module of ours as a supervised process: prepared once, ready when `/readyz` says so, examined later."""

from __future__ import annotations

import ssl
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from backorder_dev.ports import LOOPBACK, free_port, is_free
from backorder_dev.process import Process, StartError
from backorder_dev.yielding import yield_cores

_PREPARE_TIMEOUT = 120.0
_READY_TIMEOUT = 120.0
_GRACE = 20.0
_SILENT = 60.0
# nothing is asked by TLS; a client that makes its own context reads all certificates of the machine, and holds up the
# process that supervises for 25 ms each time
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@dataclass(slots=True)
class PythonProcess:
    """`python -m MODULE` with an HTTP port.

    Attributes:
        name: as people call it, and the name of its log file.
        module: what runs.
        log: the file that its output is added to.
        environment: beside ours; asked at each start, since it names what starts earlier.
        prepare: arguments of a run that must succeed once, before the first start.
        nice: from 0 to 19, how readily it leaves the cores to others.
    """

    name: str
    module: str
    log: Path
    environment: Callable[[], Mapping[str, str]] = dict
    prepare: Sequence[str] | None = None
    nice: int = 0
    port: int = field(default_factory=free_port)
    _prepared: bool = False
    _process: Process | None = None
    _heard: float = 0.0
    _stands: bool = False

    @property
    def pid(self) -> int | None:
        """None while it does not run."""
        return self._process.pid if self._process and self._process.returncode is None else None

    @property
    def base_url(self) -> str:
        """Of its HTTP port."""
        return f"http://{LOOPBACK}:{self.port}"

    async def start(self) -> None:
        """Prepare it the first time, start it, and wait for `/readyz`.

        Raises:
            StartError: it ended, or was not ready after 120 s.
        """
        if not is_free(self.port):
            self.port = free_port()
        if self.prepare and not self._prepared:
            await self._run_once(self.prepare)
            self._prepared = True
        process = self._spawn()
        try:
            if self.nice:
                await yield_cores(process.pid, self.nice)
            async with health_client() as client:
                await process.ready(lambda: self._is_ready(client), name=self.name, timeout=_READY_TIMEOUT)
        except StartError:
            await process.stop(grace=_GRACE)
            raise
        except BaseException:
            await process.kill()
            raise
        self._process, self._heard, self._stands = process, time.monotonic(), False

    async def stuck(self) -> str | None:
        """What is wrong when `/healthz` says twice that a loop stands still, or has said nothing for a minute."""
        try:
            async with health_client() as client:
                response = await client.get(f"{self.base_url}/healthz")
        except httpx.HTTPError:
            silence = time.monotonic() - self._heard
            return f"it has not answered for {silence:.0f} s" if silence >= _SILENT else None
        self._heard = time.monotonic()
        # once is no proof: a process that was frozen answers before its loops have come round
        before, self._stands = self._stands, response.status_code == httpx.codes.SERVICE_UNAVAILABLE
        return "a loop of it stands still" if before and self._stands else None

    async def stop(self) -> None:
        """SIGTERM, and SIGKILL after 20 s."""
        if self._process is not None:
            await self._process.stop(grace=_GRACE)
            self._process = None

    def _spawn(self, *arguments: str) -> Process:
        environment = {
            "PYTHONUNBUFFERED": "1",
            "BACKORDER_HTTP__HOST": LOOPBACK,
            "BACKORDER_HTTP__PORT": str(self.port),
            **self.environment(),
        }
        return Process([sys.executable, "-m", self.module, *arguments], log=self.log, env=environment)

    async def _run_once(self, arguments: Sequence[str]) -> None:
        process = self._spawn(*arguments)
        try:
            code = await process.ended(_PREPARE_TIMEOUT)
        finally:
            await process.kill()
        if code != 0:
            what = f"{self.module} {' '.join(arguments)}"
            raise StartError(f"`python -m {what}` failed with code {code}.\n{process.tail()}")

    async def _is_ready(self, client: httpx.AsyncClient) -> bool:
        try:
            response = await client.get(f"{self.base_url}/readyz")
        except httpx.HTTPError:
            return False
        return response.status_code == httpx.codes.OK


def health_client(timeout: float = 2.0) -> httpx.AsyncClient:
    """A client for the HTTP ports of a local run; `timeout` in seconds."""
    return httpx.AsyncClient(trust_env=False, timeout=timeout, verify=NO_TLS)
