"""`backorder up`, `down`, `status` and `database`: the local run from the command line."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Annotated

import cyclopts
import httpx
import psutil
from cyclopts import Parameter
from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict
from rich.console import Console
from rich.table import Table

from backorder_dev.daemon import AlreadyUpError, find, shut_down, spawn, supervise, wait_until_up
from backorder_dev.database import on_database
from backorder_dev.endpoints import Endpoints, read_endpoints
from backorder_dev.process import StartError
from backorder_dev.python_process import NO_TLS
from backorder_dev.restored import go_on
from backorder_dev.topics import DEFAULT_PARTITIONS
from backorder_runtime import command_line
from backorder_runtime.command_line import CannotDo, agreed

_RUN_DIR = Path(".run")
Flag = Annotated[bool, Parameter(negative=())]

database = cyclopts.App(help="Prepare the database.")


def up(*, detach: bool = False, partitions: int = DEFAULT_PARTITIONS, run_dir: Path = _RUN_DIR) -> None:
    """Start the broker, the database, a mailbox and all services on this machine.

    Args:
        detach: Return when all is ready; `backorder down` stops it. Else run until Ctrl-C.
        partitions: Of the lane-keyed topics; fixed once the folder has data.
        run_dir: Folder for all state.
    """
    folder = run_dir.resolve()
    try:
        if detach:
            _show(_up_in_background(folder, partitions))
        else:
            asyncio.run(supervise(folder, partitions=partitions, say=_say, ready=_show))
    except AlreadyUpError:
        _say(f"already up in {folder}; `backorder status` shows it, `backorder down` stops it")
    except StartError as error:
        _say(str(error))
        sys.exit(1)


def down(*, run_dir: Path = _RUN_DIR) -> None:
    """Stop what `backorder up` started. Its data stay in the folder.

    Args:
        run_dir: Folder for all state.
    """
    _say("down" if shut_down(run_dir.resolve()) else f"nothing is up in {run_dir.resolve()}")


def status(*, run_dir: Path = _RUN_DIR) -> None:
    """Show what runs and whether it is well. The exit code is 0 only when everything is.

    Args:
        run_dir: Folder for all state.
    """
    folder = run_dir.resolve()
    endpoints = read_endpoints(folder) if find(folder) is not None else None
    if endpoints is None:
        _say(f"nothing is up in {folder}" if find(folder) is None else f"still starting in {folder}")
        sys.exit(1)
    conditions = {name: _condition(endpoints, name, pid) for name, pid in endpoints.processes().items()}
    _show(endpoints, conditions)
    sys.exit(0 if all(condition == "ok" for condition in conditions.values()) else 1)


class ProvisionSettings(BaseSettings):
    """Environment variables `BACKORDER_PROVISION__*`."""

    model_config = SettingsConfigDict(
        env_prefix="BACKORDER_PROVISION__", env_nested_delimiter="__", frozen=True, extra="ignore"
    )

    admin_url: SecretStr
    """A role that may create databases and roles."""
    passwords: dict[str, SecretStr] = {}
    """Per service module: `BACKORDER_PROVISION__PASSWORDS__GAP_DETECTOR` and so on."""


@database.command
def provision(*, name: str = "backorder") -> None:
    """Make the database with a role and a schema per service. Can be run again at any time.

    BACKORDER_PROVISION__ADMIN_URL names who does it; BACKORDER_PROVISION__PASSWORDS__<SERVICE>, with a module's name
    such as GAP_DETECTOR, is that service's password. All passwords have to be given.

    Args:
        name: Of the database.
    """
    from backorder_dev.database import provision as run  # noqa: PLC0415 - shares its name with this command
    from backorder_dev.services import READERS, ROLES  # noqa: PLC0415

    settings = ProvisionSettings()  # type: ignore[call-arg]  # from the environment
    passwords = {service.lower(): secret.get_secret_value() for service, secret in settings.passwords.items()}
    roles = (*ROLES, *READERS)
    if missing := [f"BACKORDER_PROVISION__PASSWORDS__{role.upper()}" for role in roles if role not in passwords]:
        _say(f"set {', '.join(missing)}")
        sys.exit(2)
    address = settings.admin_url.get_secret_value()
    asyncio.run(run(address, ROLES, readers=READERS, database=name, passwords=passwords))
    _say(f"database {name} is ready for {', '.join(roles)}")


@database.command
def restored(*, name: str = "backorder", dry_run: Flag = False, yes: Flag = False) -> None:
    """Have all services go on together after the database was restored, or a failover lost something.

    What was published after the restored moment is void from then on. Stop all services first, and start none between
    the restore and this. BACKORDER_PROVISION__ADMIN_URL names who does it.

    Args:
        name: Of the database.
        dry_run: Say what would be done, and do nothing.
        yes: Do not ask.
    """
    command_line.run("database restored", _go_on(name, dry_run=dry_run, yes=yes))


async def _go_on(name: str, *, dry_run: bool, yes: bool) -> None:
    given = os.environ.get("BACKORDER_PROVISION__ADMIN_URL")
    if not given:
        raise CannotDo("set BACKORDER_PROVISION__ADMIN_URL to an administrator's")
    if dry_run or agreed("have all services go on from the restored database, which cannot be undone", yes=yes):
        for line in await go_on(on_database(given, name), dry_run=dry_run):
            command_line.say(line)
        command_line.say("nothing was done" if dry_run else "done; start the services")


def _up_in_background(folder: Path, partitions: int) -> Endpoints:
    if find(folder) is not None:
        raise AlreadyUpError
    supervisor = spawn(folder, partitions)
    try:
        return wait_until_up(folder, supervisor, _say)
    except KeyboardInterrupt:
        supervisor.terminate()
        supervisor.wait()
        raise


def _condition(endpoints: Endpoints, name: str, pid: int | None) -> str:
    if pid is None or not psutil.pid_exists(pid):
        return "down"
    service = endpoints.services.get(name)
    if service is None:
        return "ok"
    try:
        healthy = httpx.get(service["health"], timeout=2, trust_env=False, verify=NO_TLS).is_success
    except httpx.HTTPError:
        return "no answer"
    return "ok" if healthy else "unhealthy"


def _show(endpoints: Endpoints, conditions: dict[str, str] | None = None) -> None:
    table = Table("part", "process", "where", *(["condition"] if conditions else []))
    where = {
        "broker": endpoints.kafka,
        "postgres": endpoints.database.rpartition("@")[2],  # the password stays in the file
        "sinks": f"{endpoints.mailbox}\n{endpoints.push}",
    }
    where |= {name: service["metrics"] for name, service in endpoints.services.items()}
    for name, pid in endpoints.processes().items():
        table.add_row(name, str(pid), where[name], *([conditions[name]] if conditions else []))
    Console(highlight=False, soft_wrap=True).print(table)


def _say(line: str) -> None:
    Console(stderr=True, highlight=False, soft_wrap=True).print(line, markup=False)
