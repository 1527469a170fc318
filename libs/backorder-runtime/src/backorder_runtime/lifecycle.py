"""Starting, waiting and stopping: signals, heartbeats, and tasks that end together."""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable, Collection, Coroutine
from typing import Any, TypeVar

import structlog

T = TypeVar("T")
_GLANCE = 1.0  # seconds between two looks at what is awaited for long
_log = structlog.get_logger()


class Heartbeat:
    """Beaten by a loop itself: a loop that is stuck for more than `stall` seconds is not alive."""

    def __init__(self, stall: float) -> None:
        self._stall = stall
        self._last = time.monotonic()

    def beat(self) -> None:
        """The loop came round, or waits for what it knows to be away."""
        self._last = time.monotonic()

    @property
    def alive(self) -> bool:
        """Whether the loop came round lately."""
        return time.monotonic() - self._last < self._stall


class Every:
    """Says once in so many seconds that they have passed."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._next = 0.0

    def passed(self) -> bool:
        """Whether it is time; then the next time is so many seconds from now."""
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + self._seconds
        return True


async def first_of(wanted: Awaitable[T], *others: Awaitable[Any], timeout: float | None = None) -> T | None:
    """Wait until any is done, or `timeout` seconds; the rest are cancelled.

    Returns the result of `wanted`, or None when something else came first. Raises what a finished one raised.
    """
    first = asyncio.ensure_future(wanted)
    tasks = [first, *map(asyncio.ensure_future, others)]
    try:
        await asyncio.wait(tasks, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            if task.done():
                task.result()
        return first.result() if first.done() else None
    finally:
        for task in tasks:
            cancel(task)


async def any_of(awaited: Collection["asyncio.Future[Any]"], stop: asyncio.Event, glance: Callable[[], None]) -> None:
    """Wait until any of these is done, or for the stop; meanwhile `glance` now and then. None of them is cancelled."""
    while not any(each.done() for each in awaited) and not stop.is_set():
        waiting = asyncio.wait(awaited, return_when=asyncio.FIRST_COMPLETED)
        if await first_of(waiting, stop.wait(), timeout=_GLANCE) is None:
            glance()


def cancel(task: "asyncio.Future[Any]") -> None:
    """Cancel a task that nobody awaits any more; what it raised is read, so that nothing warns."""
    if task.done():
        if not task.cancelled():
            task.exception()
        return
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    task.cancel()


def stop_on_signals() -> asyncio.Event:
    """An event that SIGTERM and SIGINT set."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


async def run_together(stop: asyncio.Event, *loops: Coroutine[Any, Any, None], grace: float = 30) -> None:
    """Run loops that end when `stop` is set. When one fails, the others are stopped and its error is raised.

    From the stop on they have `grace` seconds: one that waits for what is away, or for what a failed one was to do,
    would never end. A loop out of which a cancellation leaks has failed too, though asyncio does not count it so.
    """
    tasks = [asyncio.create_task(loop, name=getattr(loop, "__qualname__", None)) for loop in loops]
    stopping = asyncio.create_task(stop.wait())
    running, stuck = set(tasks), set[asyncio.Task[None]]()
    while running and not stopping.done() and not any(map(_failed, tasks)):
        done, _ = await asyncio.wait({*running, stopping}, return_when=asyncio.FIRST_COMPLETED)
        running -= done
    stop.set()
    cancel(stopping)
    if running:
        _, stuck = await asyncio.wait(running, timeout=grace)
    for task in stuck:
        _log.warning("ended before it was done", loop=task.get_name(), seconds=grace)
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for task in tasks:
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error
    if any(task.cancelled() for task in set(tasks) - stuck):
        raise RuntimeError("a loop was cancelled from within")


def _failed(task: "asyncio.Task[None]") -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)
