"""`backorder audit`: compare the two ledgers of every lane, now or again and again."""

import asyncio
import json
import sys
from datetime import UTC, datetime
from typing import Annotated, NoReturn

import asyncpg
import msgspec
from aiokafka.errors import KafkaError
from cyclopts import Parameter
from rich.console import Console

from auditor.audit import audit as run_audit
from auditor.domain.report import Report
from auditor.settings import AuditorSettings
from auditor.show import as_json, show
from backorder_runtime.local_settings import NoSystem, database_url, kafka_settings
from backorder_runtime.settings import KafkaSettings

_EVER = datetime(1, 1, 1, tzinfo=UTC)
_DRIFT = 1
_NOT_DONE = 2

Once = Annotated[bool, Parameter(negative=())]
Json = Annotated[bool, Parameter(name="--json", negative=())]


def audit(*, once: Once = False, watch: float | None = None, json_lines: Json = False) -> None:
    """Compare the two ledgers of every lane that has no message under way.

    The exit code is 0 without drift, 1 with drift, 2 when the audit could not be done.

    Args:
        once: Audit once, which is what happens without options.
        watch: Audit again and again with a pause of so many seconds, until there is drift.
        json_lines: Print one JSON object per audit, for programs.
    """
    if once and watch is not None:
        _fail("--once and --watch contradict each other")
    if watch is not None and watch <= 0:
        _fail("--watch needs a pause above zero")
    try:
        kafka, url = kafka_settings(), database_url("auditor")
        drift = asyncio.run(_audit(kafka, url, watch, json_lines=json_lines))
    except KeyboardInterrupt:
        drift = False
    except (NoSystem, OSError, TimeoutError, KafkaError, asyncpg.PostgresError, asyncpg.InterfaceError) as problem:
        _fail(str(problem) or type(problem).__name__)
    except msgspec.DecodeError as problem:
        _fail(f"the ledgers were written by another version: {problem}")
    if drift:
        sys.exit(_DRIFT)


async def _audit(kafka: KafkaSettings, url: str, pause: float | None, *, json_lines: bool) -> bool:
    """Whether there is drift."""
    settings, console = AuditorSettings().audit, Console(highlight=False)
    while True:
        connection = await asyncpg.connect(url, server_settings={"application_name": "backorder audit", "jit": "off"})
        try:
            report = await run_audit(connection, kafka, settings, _EVER)
        finally:
            await connection.close()
        _print(report, console, json_lines=json_lines)
        if report.drifting or pause is None:
            return bool(report.drifting)
        await asyncio.sleep(pause)


def _print(report: Report, console: Console, *, json_lines: bool) -> None:
    if json_lines:
        sys.stdout.write(json.dumps(as_json(report), ensure_ascii=False) + "\n")
        sys.stdout.flush()
    else:
        show(report, console)


def _fail(text: str) -> NoReturn:
    sys.stderr.write(f"backorder audit: {text}\n")
    raise SystemExit(_NOT_DONE)
