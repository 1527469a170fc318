"""A small process that outlives ours and ends the children that we can no longer end.

It reads on its standard input which processes to watch. The pipe closes when our process is gone, however it
went, `kill -9` included; then the guardian kills what is still on its list. This works on Linux and macOS, and
needs nothing of the children.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil

_GRACE = 5.0


class Guardian:
    """Our end of the pipe. One per process is enough: use `guardian()`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._watched: dict[int, str] = {}
        self._process: subprocess.Popen[bytes] | None = None

    def watch(self, pid: int, last_signal: signal.Signals = signal.SIGKILL) -> None:
        """Have `pid` ended by `last_signal`, then by SIGKILL, should we die without `release`."""
        with contextlib.suppress(psutil.NoSuchProcess):
            created = psutil.Process(pid).create_time()
            self._tell(pid, f"watch {pid} {int(last_signal)} {created!r}")

    def release(self, pid: int) -> None:
        """Forget `pid`: it has ended."""
        self._tell(pid, None)

    def _tell(self, pid: int, line: str | None) -> None:
        with self._lock:
            if line is None:
                if self._watched.pop(pid, None) is None:
                    return
            else:
                self._watched[pid] = line
            self._write(line or f"release {pid}")

    def _write(self, line: str) -> None:
        if self._process is None or self._process.poll() is not None:
            self._start()
            lines = list(self._watched.values())
        else:
            lines = [line]
        assert self._process is not None  # noqa: S101 - for the type checker
        assert self._process.stdin is not None  # noqa: S101
        self._process.stdin.write("".join(f"{each}\n" for each in lines).encode())
        self._process.stdin.flush()

    def _start(self) -> None:
        self.close()
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and file
            [sys.executable, "-I", str(Path(__file__).resolve())],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # a Ctrl-C in the terminal must not reach it
        )
        atexit.register(self.close)

    def close(self) -> None:
        """Let it go. It ends what is still watched, as it would had we died."""
        process, self._process = self._process, None
        if process is not None and process.stdin is not None:
            atexit.unregister(self.close)
            with contextlib.suppress(OSError):
                process.stdin.close()
            process.wait()


_guardian = Guardian()


def guardian() -> Guardian:
    """Return this process's guardian; it starts with the first process that it is told to watch."""
    return _guardian


def _same(pid: int, created: float) -> psutil.Process | None:
    """Return the process unless the number has passed on to another one, or it is only a zombie."""
    try:
        process = psutil.Process(pid)
        alive = process.status() != psutil.STATUS_ZOMBIE and abs(process.create_time() - created) < 1.0
    except psutil.Error:
        return None
    return process if alive else None


def _main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    watched: dict[int, tuple[int, float]] = {}
    for line in sys.stdin:
        match line.split():
            case ["watch", pid, number, created]:
                watched[int(pid)] = (int(number), float(created))
            case ["release", pid]:
                watched.pop(int(pid), None)
            case _:
                continue
    last = {pid: number for pid, (number, created) in watched.items() if _same(pid, created)}
    for pid, number in last.items():
        with contextlib.suppress(OSError):
            os.kill(pid, number)
    deadline = time.monotonic() + _GRACE
    while (left := [pid for pid in last if _same(pid, watched[pid][1])]) and time.monotonic() < deadline:
        time.sleep(0.05)
    for pid in left:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    _main()
