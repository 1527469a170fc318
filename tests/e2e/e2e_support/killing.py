"""Kills processes in the middle of their work, by a seeded plan, and measures how long each is missed."""

import asyncio
import os
import random
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

from e2e_support.system import System, running_system
from e2e_support.watching import LANE_GROUPS, Commits

# a lease runs out soon after its sender was killed; nothing else of how the notifier sends is changed
_QUICK = {"BACKORDER_SMTP__TIMEOUT": "2", "BACKORDER_PUSH__TIMEOUT": "2", "BACKORDER_NOTIFY__LEASE": "17"}


@asynccontextmanager
async def mortal_system(folder: Path) -> AsyncIterator[System]:
    """A system that notices soon when something of it was killed."""
    with mock.patch.dict(os.environ, _QUICK):
        async with running_system(folder) as made:
            yield made


@dataclass
class Kills:
    """What was killed, and how many seconds later it had committed again."""

    system: System
    commits: Commits
    recovered: list[tuple[str, float]] = field(default_factory=list)

    async def services(self, draw: random.Random, times: int) -> None:
        """Kill each service so many times; the plans of the services do not wait for each other."""
        pauses = {service: [draw.uniform(0.5, 6) for _ in range(times)] for service in LANE_GROUPS}
        async with asyncio.TaskGroup() as together:
            for service, waits in pauses.items():
                together.create_task(self._service(service, waits))

    async def _service(self, service: str, pauses: list[float]) -> None:
        for pause in pauses:
            await asyncio.sleep(pause)
            await self.system.kill(service)
            self.recovered.append((service, await self.commits.next_of(service, time.monotonic())))

    async def server(self, name: str) -> None:
        """Kill the broker or the database; wait until every service has committed again."""
        server = getattr(self.system.endpoints, name)
        os.kill(server["pid"], signal.SIGKILL)
        began = time.monotonic()
        await self.system.until(lambda: self._is_back(name, server["pid"]))
        waits = [self.commits.next_of(service, began) for service in LANE_GROUPS]
        self.recovered.append((name, max(await asyncio.gather(*waits))))

    async def _is_back(self, name: str, killed: int) -> bool:
        return getattr(self.system.endpoints, name)["pid"] not in {None, killed}

    def times(self, *names: str) -> list[float]:
        """The recovery times of these, or of the services, in ascending order."""
        return sorted(seconds for name, seconds in self.recovered if name in (names or LANE_GROUPS))
