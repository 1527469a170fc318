"""Lets a process of ours leave the cores to others when there are fewer than are wanted."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import psutil
import stamina

_PATIENCE = 5.0  # seconds


async def yield_cores(pid: int, nice: int) -> None:
    """Have a process that has just started come after others, by `nice` from 0 (equal) to 19, as `setpriority` counts.

    Linux may share the cores among sessions before it shares them among the processes of one (`autogroup`). A process
    that is alone in its session, as each of ours, is then compared with nobody, so the session gets the same number.
    """
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        process.nice(max(nice, process.nice()))
    # whoever is not root may say so once in a tenth of a second
    async for attempt in stamina.retry_context(on=BlockingIOError, attempts=None, timeout=_PATIENCE, wait_max=0.2):
        with attempt:
            _tell_session(Path(f"/proc/{pid}/autogroup"), nice)


def _tell_session(file: Path, nice: int) -> None:
    with suppress(ProcessLookupError):
        if file.exists():  # else it has ended, or this is a system without
            file.write_text(f"{nice}")
