"""The auditor as a process: audits again and again, and shows the outcome as metrics and log lines."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import msgspec
import structlog
from aiokafka.errors import KafkaError
from asyncpg import Pool

from auditor import metrics
from auditor.audit import audit
from auditor.domain.report import Report
from auditor.settings import AuditorSettings
from backorder_runtime import database, http
from backorder_runtime.clock import Clock, utc_now
from backorder_runtime.lifecycle import Heartbeat, first_of, run_together
from backorder_runtime.telemetry import announce

_FIRST_PAUSE = 1.0  # seconds, while there is nothing to read yet
_LOGGED = 20
_PASSING = (
    OSError,
    TimeoutError,
    KafkaError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    msgspec.DecodeError,  # a service is being upgraded, or this one is to be
)
_log = structlog.get_logger()


class Watch:
    """Audits until it is stopped. `problem` says why the last audit could not be done, None when it was."""

    def __init__(self, settings: AuditorSettings, pool: "Pool[Any]", clock: Clock = utc_now) -> None:
        self._settings = settings
        self._pool = pool
        self._clock = clock
        self._done = False
        self.problem: str | None = "the first audit has not come to an end"
        self.heartbeat = Heartbeat(settings.audit.every + settings.audit.stall)

    async def run(self, stop: asyncio.Event) -> None:
        """Audit, pause, and so on. An audit that cannot be done is tried again."""
        while not stop.is_set():
            self.heartbeat.beat()
            await first_of(self._attempt(), stop.wait())
            soon = _FIRST_PAUSE if not self._done else self._settings.audit.every
            await first_of(stop.wait(), timeout=soon)

    async def _attempt(self) -> None:
        try:
            report = await self._audit(self._clock() - timedelta(days=self._settings.audit.ended))
        except _PASSING as error:
            self.problem = f"{type(error).__name__}: {error}"
            _log.warning("the audit could not be done", error=self.problem)
            return
        self.problem, self._done = None, True
        self._export(report)

    async def _audit(self, ended_since: datetime) -> Report:
        async with self._pool.acquire() as conn:
            settings = self._settings
            return await audit(conn, settings.kafka, settings.audit, ended_since, self._clock, gently=True)

    def _export(self, report: Report) -> None:
        metrics.DRIFTING_LANES.set(report.drifting)
        metrics.LANES_CHECKED.set(report.checked)
        metrics.LANES_IN_FLIGHT.set(report.in_flight)
        metrics.LAST_SUCCESS.set(self._clock().timestamp())
        metrics.SECONDS.observe(report.seconds)
        for drift in report.drifts[:_LOGGED]:
            for finding in drift.findings:
                _log.error(
                    "drift",
                    lane=drift.lane,
                    identity=finding.identity.value,
                    expected=finding.expected,
                    found=finding.found,
                    involved=finding.involved,
                )
        _log.info(
            "audited",
            lanes=report.checked,
            lines=report.lines,
            in_flight=report.in_flight,
            drifting=report.drifting,
            owing=report.owing,
            seconds=round(report.seconds, 3),
        )


async def run(settings: AuditorSettings, stop: asyncio.Event) -> None:
    """Audit and serve the metrics until `stop` is set."""
    announce("auditor", "backorder-auditor")
    pool = await database.connect(settings.database)
    watch = Watch(settings, pool)

    async def database_check() -> str | None:
        return await database.check(pool)

    async def audit_check() -> str | None:
        return watch.problem

    app = http.application(lambda: watch.heartbeat.alive, {"database": database_check, "audit": audit_check})
    try:
        await run_together(stop, watch.run(stop), http.serve(app, settings.http, stop))
    finally:
        await pool.close()
        _log.info("stopped")
