"""One child process with a log file: started, watched, stopped, killed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

import psutil

from backorder_dev.guardian import guardian

_POLL = 0.05


class StartError(RuntimeError):
    """A process ended, or did not become ready in time; the message carries the end of its log."""


class Process:
    """A child in a session of its own, so that a Ctrl-C in the terminal reaches us only.

    Independent of the event loop that started it. Not safe for use by several tasks at once.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        last_signal: signal.Signals = signal.SIGKILL,
    ) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            self._log_start = output.tell()
            self._popen = subprocess.Popen(  # noqa: S603 - callers pass commands of ours
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=None if env is None else {**os.environ, **env},
                cwd=cwd,
                start_new_session=True,
            )
        guardian().watch(self._popen.pid, last_signal)
        self.log = log

    @property
    def pid(self) -> int:
        """The process id; it stays the same after the end."""
        return self._popen.pid

    @property
    def returncode(self) -> int | None:
        """None while it runs; negative when a signal ended it."""
        code = self._popen.poll()
        if code is not None:
            guardian().release(self.pid)
        return code

    def output(self) -> str:
        """What this process, and not an earlier one, has written to the log so far."""
        with self.log.open("rb") as log:
            log.seek(self._log_start)
            return log.read().decode(errors="replace")

    async def ended(self, timeout: float | None = None) -> int | None:
        """Wait for the end and return the exit code, or None after `timeout` seconds."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while (code := self.returncode) is None:
            if deadline is not None and time.monotonic() >= deadline:
                return None
            await asyncio.sleep(_POLL)
        return code

    async def ready(self, probe: Callable[[], Awaitable[bool]], *, name: str, timeout: float) -> None:
        """Wait until `probe` is true.

        Raises:
            StartError: the process ended first, or `timeout` seconds passed (it still runs then).
        """
        deadline = time.monotonic() + timeout
        while True:
            if (code := self.returncode) is not None:
                raise StartError(f"{name} ended with code {code} while starting.\n{self.tail()}")
            if await probe():
                return
            if time.monotonic() >= deadline:
                raise StartError(f"{name} was not ready after {timeout:.0f} s.\n{self.tail()}")
            await asyncio.sleep(_POLL)

    def tail(self, lines: int = 25) -> str:
        """The end of this process's output, with the name of the log file."""
        last = self.output().splitlines()[-lines:]
        return "\n".join([f"--- end of {self.log} ---", *last]) if last else f"({self.log} is empty)"

    async def stop(self, number: signal.Signals = signal.SIGTERM, *, grace: float) -> None:
        """Ask it to end by signal `number`; kill it after `grace` seconds."""
        self.send(number)
        if await self.ended(grace) is None:
            await self.kill()

    async def kill(self) -> None:
        """End it and all its descendants at once, as a crash of the machine would."""
        family = _descendants(self.pid)
        self.send(signal.SIGKILL)
        for child in family:
            with contextlib.suppress(psutil.Error):
                child.kill()
        await self.ended()
        while any(_alive(child) for child in family):  # noqa: ASYNC110 - processes set no event
            await asyncio.sleep(_POLL)

    def send(self, number: signal.Signals) -> None:
        """Send a signal, unless the process has ended."""
        if self.returncode is None:
            self._popen.send_signal(number)


def _descendants(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.Error:
        return []


def _alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
