"""Runs `backorder` as a person does, told by its environment where the broker and the database are."""

import asyncio
import io
import os
import sys
from contextlib import redirect_stderr, redirect_stdout
from unittest.mock import patch

from backorder_runtime.cli import build
from backorder_runtime.settings import Settings

_PROGRAM = "from backorder_runtime.cli import main; main()"


async def backorder(settings: Settings, *words: str) -> tuple[int, str]:
    """Exit code, and what was said on both outputs; nobody sits at the terminal."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        _PROGRAM,
        *words,
        env=environment(settings),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    return process.returncode or 0, out.decode()


async def backorder_here(settings: Settings, *words: str) -> tuple[int, str]:
    """The same in this process, which is quicker; only while nothing else writes to standard output."""
    with patch.dict(os.environ, environment(settings), clear=True):
        return await asyncio.to_thread(_run, list(words))


def _run(words: list[str]) -> tuple[int, str]:
    out = io.StringIO()
    with redirect_stdout(out), redirect_stderr(out):
        try:
            build(words[0])(words)
        except SystemExit as end:
            return int(end.code or 0), out.getvalue()
    return 0, out.getvalue()


def environment(settings: Settings) -> dict[str, str]:
    """The settings as environment variables, and nothing of ours beside them."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BACKORDER_")}
    return kept | {
        "COLUMNS": "200",
        "NO_COLOR": "1",
        "BACKORDER_KAFKA__BOOTSTRAP_SERVERS": settings.kafka.bootstrap_servers,
        "BACKORDER_KAFKA__PARTITIONS": str(settings.kafka.partitions),
        "BACKORDER_DATABASE__URL": str(settings.database.url),
    }
