"""What a figure means nothing without: the machine, the time, and the commit of the code that was measured."""

import os
import platform
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


def machine() -> str:
    """The machine in one line."""
    model = next(
        (
            x.split(":", 1)[1].strip()
            for x in Path("/proc/cpuinfo").read_text("utf-8").splitlines()
            if "model name" in x
        ),
        platform.machine(),
    )
    return f"{os.cpu_count()} cores, {model}, Python {platform.python_version()}"


def commit(folder: Path = HERE) -> str:
    """The commit of the code that stands here, with a + if the code is not quite that; empty where nobody knows."""
    try:
        return _git(folder, "rev-parse", "--short", "HEAD") + ("+" if _git(folder, "status", "--porcelain") else "")
    except (OSError, subprocess.CalledProcessError):
        return ""


def _git(folder: Path, *words: str) -> str:
    asked = subprocess.run(("git", "-C", folder, *words), capture_output=True, text=True, check=True)
    return asked.stdout.strip()


def measured() -> dict[str, str]:
    """All three, for a report; asked before a measurement, during which somebody may commit."""
    found = {"machine": machine(), "at": time.strftime("%Y-%m-%d %H:%M"), "commit": commit()}
    return {name: value for name, value in found.items() if value}


def told(report: Mapping[str, Any]) -> str:
    """In one line, as far as a report says so."""
    said = f"{report['machine']}, {report['at']}"
    return f"{said}, commit {report['commit']}" if "commit" in report else said


def median_run(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Of several drains the one in the middle, with how many there were and the least and the most lines a second."""
    ordered = sorted(runs, key=lambda run: run["lines_per_second"])
    least, most = ordered[0]["lines_per_second"], ordered[-1]["lines_per_second"]
    return {**ordered[len(ordered) // 2], "runs": len(runs), "lines_per_second_range": [least, most]}
