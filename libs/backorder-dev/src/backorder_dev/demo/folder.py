"""The demo's folder: empty at the start, without harm to data that are not the demo's."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

from backorder_dev.daemon import PID_FILE
from backorder_dev.process import StartError

_MARK = "this-is-a-demo"
_SECRETS = "secrets.json"


def fresh(run_dir: Path, say: Callable[[str], None]) -> None:
    """Empty the folder, which this process has claimed.

    What an earlier demo left is deleted. Data of another local run are moved to a folder beside it.
    """
    mark = run_dir / _MARK
    entries = [entry for entry in run_dir.iterdir() if not entry.name.startswith(PID_FILE)]
    if entries and not mark.exists():
        kept = _beside(run_dir)
        kept.mkdir()
        for entry in entries:
            entry.rename(kept / entry.name)
        say(f"the data that were in {run_dir} are kept in {kept}")
    for entry in entries if mark.exists() else ():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    mark.touch()


def _beside(run_dir: Path) -> Path:
    number = 1
    while (found := run_dir.with_name(f"{run_dir.name}-kept-{number}")).exists():
        number += 1
    return found


def notifier_url(run_dir: Path) -> str:
    """The database URL of the notifier, as the local run wrote it down.

    Raises:
        StartError: it did not.
    """
    try:
        return str(json.loads((run_dir / _SECRETS).read_text())["notifier"])
    except (OSError, ValueError, KeyError) as error:
        raise StartError(f"{run_dir / _SECRETS} does not name the notifier's database: {error}") from error
