"""The supervisor as a process: one per run folder, found again by its pid file."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

from backorder_dev.endpoints import Endpoints, read_endpoints, remove_endpoints
from backorder_dev.process import StartError

PID_FILE = "supervisor.pid"
LOG_FILE = "supervisor.log"
_POLL = 0.1
_STOP_TIMEOUT = 180.0


class AlreadyUpError(RuntimeError):
    """A supervisor runs on this folder."""


@contextlib.contextmanager
def claim(run_dir: Path) -> Iterator[None]:
    """Be the one supervisor of this folder.

    Raises:
        AlreadyUpError: there is one already.
    """
    run_dir.mkdir(parents=True, exist_ok=True)
    with (run_dir / f"{PID_FILE}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise AlreadyUpError(f"already up in {run_dir}") from None
        me = psutil.Process()
        pid_file = run_dir / PID_FILE
        pid_file.write_text(json.dumps({"pid": me.pid, "started": me.create_time()}))
        try:
            yield
        finally:
            pid_file.unlink(missing_ok=True)


def find(run_dir: Path) -> psutil.Process | None:
    """Return the running supervisor of this folder; a stale pid file, or a reused number, counts as none."""
    try:
        noted = json.loads((run_dir / PID_FILE).read_text())
        process = psutil.Process(noted["pid"])
        ours = abs(process.create_time() - noted["started"]) < 1.0
        return process if ours and process.status() != psutil.STATUS_ZOMBIE else None
    except (OSError, ValueError, KeyError, TypeError, psutil.Error):
        return None


def spawn(run_dir: Path, partitions: int) -> subprocess.Popen[bytes]:
    """Start a supervisor in the background, in a session of its own."""
    log = run_dir / "logs" / LOG_FILE
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "backorder_dev.daemon", str(run_dir), str(partitions)]
    with log.open("wb") as output:
        return subprocess.Popen(  # noqa: S603 - our own interpreter and module
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )


def wait_until_up(run_dir: Path, process: subprocess.Popen[bytes], say: Callable[[str], None]) -> Endpoints:
    """Wait for a supervisor that was just started, passing on what it says.

    Raises:
        StartError: it ended; what it said has the reason.
    """
    with (run_dir / "logs" / LOG_FILE).open() as log:
        while True:
            ended = process.poll() is not None
            for line in log.read().splitlines():
                say(line)
            endpoints = read_endpoints(run_dir)
            if endpoints is not None and endpoints.supervisor.get("pid") == process.pid:
                return endpoints
            if ended:
                raise StartError(f"not up: the supervisor ended with code {process.returncode}")
            time.sleep(_POLL)


def shut_down(run_dir: Path) -> bool:
    """Stop the supervisor of this folder and wait until it and all its descendants are gone.

    Returns:
        Whether there was one.

    Raises:
        TimeoutError: something still runs after three minutes; the message names it.
    """
    supervisor = find(run_dir)
    if supervisor is None:
        (run_dir / PID_FILE).unlink(missing_ok=True)
        remove_endpoints(run_dir)
        return False
    family = [supervisor]
    with contextlib.suppress(psutil.Error):
        family += supervisor.children(recursive=True)
        supervisor.send_signal(signal.SIGTERM)
    _, alive = psutil.wait_procs(family, timeout=_STOP_TIMEOUT)
    if left := [process for process in alive if process.is_running()]:
        raise TimeoutError(f"still running: {', '.join(str(process.pid) for process in left)}")
    return True


async def supervise(
    run_dir: Path,
    *,
    partitions: int,
    say: Callable[[str], None],
    ready: Callable[[Endpoints], None] = lambda _: None,
) -> None:
    """Run everything in this process until SIGTERM or SIGINT; `ready` is called once all is up.

    Raises:
        AlreadyUpError: there is a supervisor already.
        StartError: a part did not start.
    """
    from backorder_dev.local_run import LocalRun  # noqa: PLC0415 - `down` and `status` need none of it

    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    with claim(run_dir):
        await LocalRun(run_dir, partitions=partitions, say=say, ready=ready).run(stop)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _main() -> None:
    run_dir, partitions = sys.argv[1:]
    try:
        asyncio.run(supervise(Path(run_dir), partitions=int(partitions), say=_say))
    except (AlreadyUpError, StartError) as error:
        _say(str(error))
        sys.exit(1)


if __name__ == "__main__":
    _main()
