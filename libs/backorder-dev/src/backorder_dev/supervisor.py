"""Starts components in order, starts again what dies or is stuck, stops everything in reverse order."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from backorder_dev.process import StartError

_POLL = 0.1
_EXAMINE = 5.0


class Component(Protocol):
    """Something that runs in a process of its own."""

    @property
    def name(self) -> str:
        """How people call it."""

    @property
    def pid(self) -> int | None:
        """None while it does not run."""

    async def start(self) -> None:
        """Start; return when it is ready. On any error or cancellation nothing is left running.

        Raises:
            StartError: it did not become ready.
        """

    async def stop(self) -> None:
        """Stop in order; kill what does not stop in time. Does nothing when it does not run."""


@runtime_checkable
class Examined(Protocol):
    """A component that can live and yet not work."""

    async def stuck(self) -> str | None:
        """Why it has to be started again, or None. Asked every few seconds while it runs."""


@dataclass(slots=True)
class Backoff:
    """How long to wait before the next start: twice as long each time, until it ran well for a while.

    Attributes:
        first: seconds before the first restart.
        most: seconds at most.
        healthy: seconds of running after which counting begins anew.
    """

    first: float = 0.5
    most: float = 15.0
    healthy: float = 30.0
    _failures: int = 0

    def after(self, uptime: float) -> float:
        """The seconds to wait, when it ran for `uptime` seconds (0: it did not even start)."""
        if uptime >= self.healthy:
            self._failures = 0
        # the exponent is bounded: a float does not hold 2 to the power of a week of failures
        delay = min(self.most, self.first * 2.0 ** min(self._failures, 20))
        self._failures += 1
        return delay


class Supervisor:
    """Runs components until told to stop, in stages: a stage starts when the one before it is ready.

    A component that does not start at the beginning ends the whole, since something is wrong that waiting does
    not mend. One that dies later, or says that it is stuck, is started again for ever.
    """

    def __init__(
        self,
        stages: Sequence[Sequence[Component]],
        *,
        changed: Callable[[], None],
        say: Callable[[str], None],
        backoff: Callable[[], Backoff] = Backoff,
    ) -> None:
        """Prepare; nothing runs yet.

        Args:
            stages: in the order of their start; the components of one stage start and stop at the same time.
            changed: called when all are ready for the first time, and when a process id has changed.
            say: is given a line about each thing that happens.
            backoff: makes the waiting rule of one component.
        """
        self._stages = stages
        self._changed = changed
        self._say = say
        self._backoff = backoff

    async def run(self, stop: asyncio.Event) -> None:
        """Start all, keep them running, stop all in reverse order when `stop` is set or on any error.

        Raises:
            StartError: a component did not start at the beginning.
        """
        begun: list[Sequence[Component]] = []
        try:
            for stage in self._stages:
                begun.append(stage)
                if not await _unless(stop, _all(*map(self._start, stage))):
                    return
            self._changed()
            await self._keep_all(stop)
        finally:
            for stage in reversed(begun):
                await _all(*map(self._stop, stage))

    async def _start(self, component: Component) -> None:
        begun = time.monotonic()
        self._say(f"starting {component.name}")
        await component.start()
        self._say(f"{component.name} is ready after {time.monotonic() - begun:.1f} s (process {component.pid})")

    async def _stop(self, component: Component) -> None:
        if component.pid is not None:
            self._say(f"stopping {component.name}")
        await component.stop()

    async def _keep_all(self, stop: asyncio.Event) -> None:
        await _unless(stop, _all(*(self._keep(component) for stage in self._stages for component in stage)))

    async def _keep(self, component: Component) -> None:
        """Start one component again whenever it has ended."""
        backoff, since = self._backoff(), time.monotonic()
        while True:
            await self._until_it_ended(component)
            delay = backoff.after(time.monotonic() - since)
            self._say(f"{component.name} has ended; starting it again in {delay:.1f} s")
            await asyncio.sleep(delay)
            try:
                await self._start(component)
            except (StartError, OSError) as error:
                self._say(str(error))
            else:
                self._changed()
            since = time.monotonic()

    async def _until_it_ended(self, component: Component) -> None:
        """Return when it does not run any more; end it when it is stuck."""
        next_look = time.monotonic() + _EXAMINE
        while component.pid is not None:
            await asyncio.sleep(_POLL)
            if isinstance(component, Examined) and time.monotonic() >= next_look:
                if (why := await component.stuck()) is not None:
                    self._say(f"{component.name} is stuck: {why}")
                    await component.stop()
                next_look = time.monotonic() + _EXAMINE


async def _all(*work: Coroutine[Any, Any, None]) -> None:
    """Do everything at once; the first error, or our own end, breaks off the rest and waits for that."""
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _unless(stop: asyncio.Event, work: Coroutine[Any, Any, None]) -> bool:
    """Do the work, but break it off when `stop` is set; tell whether it was done."""
    working, stopping = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            return False
        working.result()
        return True
    finally:
        for task in (working, stopping):
            task.cancel()
        await asyncio.gather(working, stopping, return_exceptions=True)
