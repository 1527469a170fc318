"""A broker and a database that stay up while services come and go, and while the database becomes another one."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg

from backorder_dev.database import DATABASE, provision
from backorder_dev.endpoints import write_secrets
from backorder_dev.local_run import running
from backorder_dev.python_process import PythonProcess
from backorder_dev.services import READERS, ROLES, SERVICES, Service
from backorder_runtime.publisher import Publisher
from backorder_runtime.settings import KafkaSettings
from e2e_support.system import System


@dataclass
class ByHand:
    """The servers of a system. `urls` is each role's way into the database."""

    folder: Path
    system: System
    urls: dict[str, str]

    @asynccontextmanager
    async def services(self) -> AsyncIterator[System]:
        """All services run inside the block, which begins when they are ready."""
        made = [self._process(service) for service in SERVICES if not service.reads]
        try:
            await asyncio.gather(*(each.start() for each in made))
            yield self.system
        finally:
            await asyncio.gather(*(each.stop() for each in made))

    def _process(self, service: Service) -> PythonProcess:
        log = self.folder / "logs" / f"{service.name}.log"
        return PythonProcess(
            service.name, service.module, log, lambda: self._environment(service.module), prepare=["migrate"]
        )

    def _environment(self, module: str) -> dict[str, str]:
        return {
            "BACKORDER_KAFKA__BOOTSTRAP_SERVERS": self.system.endpoints.kafka,
            "BACKORDER_KAFKA__PARTITIONS": str(self.system.endpoints.partitions),
            "BACKORDER_DATABASE__URL": self.urls[module],
        }

    async def ending(self, module: str) -> tuple[int | None, list[dict[str, Any]]]:
        """How a service ends that does so by itself, and the lines that it writes."""
        given = self._environment(module) | {"BACKORDER_HTTP__HOST": "127.0.0.1", "BACKORDER_HTTP__PORT": "0"}
        code, out = await self._ended(given, "-m", module)
        return code, [json.loads(text) for text in out.splitlines() if text.startswith("{")]

    async def command(self, *words: str) -> tuple[int | None, str]:
        """What `backorder` says to an administrator of the database."""
        program = "from backorder_runtime.cli import main; main()"
        given = {"BACKORDER_PROVISION__ADMIN_URL": self.system.endpoints.database, "COLUMNS": "200"}
        return await self._ended(given, "-c", program, *words)

    async def _ended(self, given: dict[str, str], *words: str) -> tuple[int | None, str]:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *words,
            env=os.environ | given,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            async with asyncio.timeout(60):
                out, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
        return process.returncode, out.decode()

    async def save(self, name: str) -> None:
        """Keep the database as it is now, while no service runs."""
        await self._copy(DATABASE, name)

    async def restore(self, name: str) -> None:
        """Make the database what it was when it was saved."""
        await self._copy(name, DATABASE)
        self.urls = await provision(self.system.endpoints.database, ROLES, readers=READERS)
        write_secrets(self.folder, self.urls)

    async def _copy(self, name: str, to: str) -> None:
        admin = await asyncpg.connect(urlsplit(self.system.endpoints.database)._replace(path="/postgres").geturl())
        try:
            await admin.execute(f"DROP DATABASE IF EXISTS {to}")
            await admin.execute(f"CREATE DATABASE {to} TEMPLATE {name}")
        finally:
            await admin.close()


@asynccontextmanager
async def servers(folder: Path) -> AsyncIterator[ByHand]:
    """The servers of a system run inside the block, and nothing else."""
    async with running(folder, ()) as run:
        urls = await provision(run.endpoints().database, ROLES, readers=READERS)
        write_secrets(folder, urls)
        publisher = Publisher(KafkaSettings(bootstrap_servers=run.endpoints().kafka))
        try:
            yield ByHand(folder, System(run, publisher), urls)
        finally:
            publisher.close()
