"""Files that appear whole, under names that sort by arrival."""

from __future__ import annotations

import itertools
import os
import time
from pathlib import Path

_counter = itertools.count()


def write_arrival(folder: Path, suffix: str, content: bytes) -> Path:
    """Write a new file into `folder` and return its path. A reader sees it complete or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{time.time_ns():020d}-{os.getpid()}-{next(_counter):06d}{suffix}"
    draft = folder / f".{name}.tmp"
    draft.write_bytes(content)
    path = folder / name
    draft.replace(path)
    return path
