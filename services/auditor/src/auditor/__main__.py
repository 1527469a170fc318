"""The auditor as a process: `python -m auditor`."""

import sys

import structlog
import uvloop

from auditor import watch
from auditor.settings import AuditorSettings
from backorder_runtime.lifecycle import stop_on_signals
from backorder_runtime.telemetry import configure_logging


async def _run(settings: AuditorSettings) -> None:
    await watch.run(settings, stop_on_signals())


def main(settings: AuditorSettings) -> None:
    """`migrate` is there because every service has it: the auditor has no schema of its own."""
    configure_logging(settings.log, "auditor")
    match sys.argv[1:]:
        case []:
            uvloop.run(_run(settings))
        case ["migrate"]:
            structlog.get_logger().info("nothing to migrate")
        case _:
            sys.exit("usage: python -m auditor [migrate]")


if __name__ == "__main__":
    main(AuditorSettings())
