"""Runs `backorder` as a person does, in the folder beside the local run's."""

import asyncio
import os
import sys
from pathlib import Path

_PROGRAM = "from backorder_runtime.cli import main; main()"


async def backorder(system, *words: str) -> tuple[int, str]:
    """Exit code, and what was said on both outputs. Settings come from the local run, not from the environment."""
    folder = Path(system.endpoints.mailbox).parent
    beside = folder.parent / f"{folder.name}-beside"
    beside.mkdir(exist_ok=True)
    if not (beside / ".run").exists():
        (beside / ".run").symlink_to(folder)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BACKORDER_")}
    environment |= {"COLUMNS": "160", "NO_COLOR": "1"}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        _PROGRAM,
        *words,
        cwd=beside,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    return process.returncode or 0, out.decode()
