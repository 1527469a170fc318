"""Has a fault come in the middle of thousands of order lines, and says what it met."""

import asyncio
import random
import time
from collections.abc import Sequence

from e2e_support.backlog import Backlogs, backlogs
from e2e_support.system import System
from e2e_support.watching import LANE_GROUPS

from faults_support.load import Load
from faults_support.plan import Injection
from faults_support.report import Backlog

_BEGINS = 5.0  # seconds that whoever waits for it to begin waits at most
_DELAY = 0.3  # seconds at most from then to the fault
_FIRST = "gap-detector"  # comes to it before all others


async def behind_burst(system: System, load: Load, injection: Injection) -> Backlog:
    """Publish a burst and return when its fault may come: a moment after those for whom it is have begun with it.

    What is done to a broker, the database or the auditor is done to every service that needs them.
    """
    victim = injection.service if injection.service in LANE_GROUPS else None
    async with backlogs(system) as lagging:
        await _begin(lagging, victim or _FIRST, load, injection.burst)
        await asyncio.sleep(random.Random(injection.draw).uniform(0, _DELAY))
        return await _left(lagging, [victim] if victim else list(LANE_GROUPS))


async def _begin(lagging: Backlogs, service: str, load: Load, lines: int) -> None:
    """Publish so many and wait until a service has taken some of what it has to do, and not all."""
    before = (await lagging.standing(service)).got
    load.burst(lines)
    until = time.monotonic() + _BEGINS
    while time.monotonic() < until:
        ends, there = await lagging.ends(service), await lagging.standing(service)
        if there.got > before and there.behind(ends):
            return
        await asyncio.sleep(0.01)


async def _left(lagging: Backlogs, services: Sequence[str]) -> Backlog:
    """What these have still to do and to send."""
    ends = await asyncio.gather(*map(lagging.ends, services))
    there = await asyncio.gather(*map(lagging.standing, services))
    records = sum(standing.behind(end) for standing, end in zip(there, ends, strict=True))
    return Backlog(records, sum(standing.unsent for standing in there))
