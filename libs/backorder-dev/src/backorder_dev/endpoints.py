"""`.run/endpoints.json`: where everything of a local run can be reached."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

FILE = "endpoints.json"
SECRETS = "secrets.json"


@dataclass(frozen=True, slots=True)
class Endpoints:
    """What a local run offers. The file is there while all of it is up, or being started again.

    Attributes:
        kafka: bootstrap servers.
        database: superuser connection URL; the file is readable by its owner only.
        console: URL of the dashboard; None when it does not run.
        mailbox: folder of received mail, one `.eml` file each.
        push: folder of received push messages, one `.json` file each.
        services: name → `pid`, `metrics` (URL), `health` (URL).
        broker: `pid`.
        postgres: `pid`.
        partitions: of the lane-keyed topics.
        sinks: `pid` of the process behind mailbox and push endpoint, `smtp` (host:port), `push` (URL).
        supervisor: `pid`.
    """

    kafka: str
    database: str
    mailbox: str
    push: str
    partitions: int
    broker: dict[str, Any]
    postgres: dict[str, Any]
    services: dict[str, dict[str, Any]]
    sinks: dict[str, Any] = field(default_factory=dict)
    supervisor: dict[str, Any] = field(default_factory=dict)
    console: str | None = None

    def processes(self) -> dict[str, int | None]:
        """Name → process id, of everything that runs."""
        single = {"broker": self.broker, "postgres": self.postgres, "sinks": self.sinks}
        return {name: each.get("pid") for name, each in (single | self.services).items()}


def write_endpoints(run_dir: Path, endpoints: Endpoints) -> None:
    """Replace the file at once, so that a reader never sees half of it."""
    _write(run_dir / FILE, asdict(endpoints))


def write_secrets(run_dir: Path, urls: Mapping[str, str]) -> None:
    """Keep the connection URL of each service's role where the commands of this machine's user find it."""
    _write(run_dir / SECRETS, dict(urls))


def _write(path: Path, content: dict[str, Any]) -> None:
    draft = path.with_name(f"{path.name}.tmp")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(content, file, indent=2)
        file.write("\n")
    draft.replace(path)


def read_endpoints(run_dir: Path) -> Endpoints | None:
    """Read the file; None when there is none, so nothing is up."""
    try:
        return Endpoints(**json.loads((run_dir / FILE).read_text()))
    except FileNotFoundError:
        return None


def remove_endpoints(run_dir: Path) -> None:
    """Say that nothing is up."""
    for name in (FILE, SECRETS):
        (run_dir / name).unlink(missing_ok=True)
