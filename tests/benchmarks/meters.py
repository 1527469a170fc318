"""What the processes of a local run use: processor seconds and memory, read from /proc."""

import os
import resource
from collections.abc import Mapping
from pathlib import Path

from backorder_dev.endpoints import Endpoints

_TICK = os.sysconf("SC_CLK_TCK")


def processes(found: Endpoints) -> dict[str, int]:
    """The process ids of a run by name."""
    pids = {name: service["pid"] for name, service in found.services.items()}
    return {**pids, "broker": found.broker["pid"], "postgres": found.postgres["pid"]}


class HasEnded(Exception):
    """A process that is measured has ended: its supervisor may have started another, of which nobody knows here."""


def cpu_seconds(pids: Mapping[str, int]) -> dict[str, float]:
    """What each process and its children have used so far; `generator` is this one with its children that ended.

    Raises `HasEnded`.
    """
    _check(pids)
    used = {name: sum(_cpu(pid) for pid in (pid, *_children(pid))) for name, pid in pids.items()}
    own = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return {**used, "generator": sum(usage.ru_utime + usage.ru_stime for usage in own)}


def memory_mb(pids: Mapping[str, int]) -> dict[str, int]:
    """Memory that each process holds for itself, its children included, in MB. Raises `HasEnded`."""
    _check(pids)
    return {name: sum(_private_kb(pid) for pid in (pid, *_children(pid))) // 1024 for name, pid in pids.items()}


def _check(pids: Mapping[str, int]) -> None:
    if ended := [name for name, pid in pids.items() if not _read(pid, "stat")]:
        raise HasEnded(f"not there any more: {', '.join(ended)}")


def _cpu(pid: int) -> float:
    fields = _read(pid, "stat").rpartition(")")[2].split()
    # the children that have ended, a database's sessions among them, are in the last two
    return sum(map(int, fields[11:15])) / _TICK if fields else 0.0


def _private_kb(pid: int) -> int:
    kinds = ("Private_Clean:", "Private_Dirty:", "Pss_Shmem:")
    return sum(int(x.split()[1]) for x in _read(pid, "smaps_rollup").splitlines() if x.startswith(kinds))


def _children(pid: int) -> list[int]:
    return [int(child) for child in _read(pid, f"task/{pid}/children").split()]


def _read(pid: int, file: str) -> str:
    try:
        return Path(f"/proc/{pid}/{file}").read_text("utf-8")
    except OSError:
        return ""
