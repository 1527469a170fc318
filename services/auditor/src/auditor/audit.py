"""One audit: both ledgers at one moment, every lane that has no message under way."""

import time
from datetime import datetime

from auditor.domain.report import Report
from auditor.flight import in_flight
from auditor.reading import compare
from auditor.settings import AuditSettings
from backorder_runtime.clock import Clock, utc_now
from backorder_runtime.database import Conn
from backorder_runtime.settings import KafkaSettings


async def audit(
    conn: Conn,
    kafka: KafkaSettings,
    settings: AuditSettings,
    ended_since: datetime,
    clock: Clock = utc_now,
    *,
    gently: bool = False,
) -> Report:
    """Compare the ledgers, `gently` when nobody waits for it. Back orders that ended before `ended_since` are left out.

    Raises what the database and the broker raise: then nothing is known.
    """
    began = time.perf_counter()
    report = Report(clock())
    async with conn.transaction(isolation="repeatable_read", readonly=True):
        flight = await in_flight(conn, kafka, settings)
        await compare(conn, flight, ended_since, report, gently=gently)
    report.seconds = time.perf_counter() - began
    return report
