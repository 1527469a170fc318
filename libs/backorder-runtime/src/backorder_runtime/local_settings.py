"""Where a command finds the system: from the environment, or else from the local run in this folder.

Services never read this: they are told everything by their environment.
"""

import json
import os
from pathlib import Path
from typing import Any

from backorder_runtime.settings import KafkaSettings, Settings

FOLDER = Path(".run")


class NoSystem(Exception):
    """Nothing says where the system runs; the message says what would."""


def kafka_settings() -> KafkaSettings:
    """How to reach the broker. Raises `NoSystem` when neither the environment nor a local run says so."""
    settings = Settings().kafka
    if "BACKORDER_KAFKA__BOOTSTRAP_SERVERS" in os.environ:
        return settings
    endpoints = _read("endpoints.json")
    if endpoints is None:
        raise NoSystem(
            f"no broker: set BACKORDER_KAFKA__BOOTSTRAP_SERVERS, or start a local run here (there is no "
            f"{FOLDER / 'endpoints.json'})"
        )
    return settings.model_copy(
        update={"bootstrap_servers": endpoints["kafka"], "partitions": endpoints.get("partitions", settings.partitions)}
    )


def database_url(module: str) -> str:
    """The database of a service, by the name of its module. Raises `NoSystem`."""
    if url := os.environ.get("BACKORDER_DATABASE__URL"):
        return url
    secrets = _read("secrets.json")
    if secrets is not None and module in secrets:
        return str(secrets[module])
    endpoints = _read("endpoints.json")
    if endpoints is not None:
        return f"{endpoints['database']}?search_path={module}"
    raise NoSystem(
        f"no database: set BACKORDER_DATABASE__URL to that of {module}, or start a local run here (there is no "
        f"{FOLDER / 'endpoints.json'})"
    )


def service_url(service: str) -> str | None:
    """Where a service of the local run answers over HTTP; None when no local run says so."""
    endpoints = _read("endpoints.json")
    known = (endpoints or {}).get("services", {}).get(service)
    return str(known["metrics"]).removesuffix("/metrics") if known else None


def _read(name: str) -> dict[str, Any] | None:
    file = FOLDER / name
    try:
        found = json.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise NoSystem(f"{file} cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise NoSystem(f"{file} is not what a local run writes")
    return found
