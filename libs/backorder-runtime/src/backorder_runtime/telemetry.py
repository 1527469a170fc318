"""Every metric that the engine exports, and the shape of its log lines. Labels never contain ids."""

import logging
import sys
import time
from importlib.metadata import version

import structlog
from prometheus_client import Counter, Gauge, Histogram

from backorder_runtime.settings import LogSettings

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_QUIET = 5.0  # seconds between two log lines of a library that say the same
_RECORDS = (1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000)

LAG_RECORDS = Gauge("backorder_lag_records", "Records behind the end of a partition", ["topic", "partition"])
LAG_SECONDS = Gauge(
    "backorder_lag_seconds",
    "While behind, the age of the newest record taken, or the time since the partition is ours; else 0",
    ["topic", "partition"],
)
BATCH_RECORDS = Histogram("backorder_batch_records", "Records per batch", ["role"], buckets=_RECORDS)
BATCH_SECONDS = Histogram("backorder_batch_seconds", "Time from poll to commit", ["role"], buckets=_SECONDS)
RECORDS = Counter("backorder_records", "Records processed", ["topic", "outcome"])
PUBLISHED = Counter("backorder_published", "Events confirmed by the broker", ["topic"])
DEAD_LETTERS = Counter("backorder_dead_letters", "Records refused", ["topic", "reason"])
OUTBOX_BATCHES = Gauge("backorder_outbox_pending_batches", "Batches not confirmed by the broker", ["shard"])
OUTBOX_AGE = Gauge("backorder_outbox_oldest_seconds", "Age of the oldest unconfirmed batch", ["shard"])
OWNED_SHARDS = Gauge("backorder_owned_shards", "Shards that this process owns")
PARKED_LANES = Gauge("backorder_parked_lanes", "Lanes stopped by a defect", ["shard"])
FAILED = Counter("backorder_batches_failed", "Transactions that did not commit; their shards are claimed again")
FENCED = Counter("backorder_fenced", "Batches refused because another process owns the shard")
CLAIMS = Counter("backorder_claims", "Shards claimed")
READY = Gauge("backorder_ready", "Whether this process has all that it needs to work, as /readyz says: 1, else 0")
BUILD_INFO = Gauge("backorder_build_info", "Version of this service", ["service", "version"])


def configure_logging(settings: LogSettings, service: str) -> None:
    """One JSON object per line on standard output; libraries speak through the same pipe from WARNING on."""
    renderer: structlog.types.Processor = (
        structlog.processors.JSONRenderer()
        if settings.format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty())
    )
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="@timestamp"),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.addFilter(OncePerWhile())
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processor=renderer, foreign_pre_chain=shared))
    logging.basicConfig(handlers=[handler], level=max(level, logging.WARNING), force=True)
    structlog.contextvars.bind_contextvars(service=service)


class OncePerWhile(logging.Filter):
    """Lets a message of a library pass once in `quiet` seconds, whatever its details, and says how many it kept back.

    While a broker is away its client has an error to report hundreds of times a second.
    """

    _MOST = 1_000

    def __init__(self, quiet: float = _QUIET) -> None:
        super().__init__()
        self._quiet = quiet
        self._seen: dict[tuple[str, int, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to write this one."""
        key = record.name, record.levelno, str(record.msg)
        now = time.monotonic()
        last, kept = self._seen.get(key, (-self._quiet, 0))
        if now - last < self._quiet:
            self._seen[key] = last, kept + 1
            return False
        if len(self._seen) >= self._MOST:
            self._seen.clear()  # a library that puts details into the text itself
        self._seen[key] = now, 0
        if kept:
            record.msg, record.args = f"{record.getMessage()} (and {kept} times before)", ()
        return True


def announce(service: str, distribution: str) -> None:
    """Export which version of which service this is."""
    BUILD_INFO.labels(service, version(distribution)).set(1)
