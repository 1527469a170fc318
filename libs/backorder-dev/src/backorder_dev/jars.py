"""The jars of Apache Kafka: fetched once, verified, shared by all runs of this user.

The cache is complete when its marker file says so. The marker is written last, after every jar was compared
with the sha256 in `kafka.lock`, so an interrupted or damaged cache is repaired and never used.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jgo.maven import MavenContext

KAFKA_VERSION = "4.3.1"
_DOWNLOADS = 6
_ATTEMPTS = 3

# `!` keeps a coordinate's own dependency management out of the others: log4j's would bring the Kafka client 3.9.
_COORDINATES = (
    f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}!",
    f"org.apache.kafka:kafka-tools:{KAFKA_VERSION}!",
    "org.apache.logging.log4j:log4j-slf4j-impl:2.25.3!",
    "org.apache.logging.log4j:log4j-core:2.25.3!",
)

Announce = Callable[[str], None]


class JarsError(RuntimeError):
    """The jars could not be fetched, or are not the ones that `kafka.lock` names."""


@dataclass(frozen=True, slots=True)
class Jar:
    """One line of `kafka.lock`."""

    sha256: str
    group: str
    artifact: str
    version: str

    @property
    def path(self) -> Path:
        """Where it lies below a Maven repository folder."""
        name = f"{self.artifact}-{self.version}.jar"
        return Path(*self.group.split("."), self.artifact, self.version, name)


def to_stderr(line: str) -> None:
    """Print a line of progress, away from a command's output."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def default_cache() -> Path:
    """The cache folder of this user, by the XDG rules."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "backorder" / f"kafka-{KAFKA_VERSION}"


def kafka_classpath(cache: Path | None = None, announce: Announce = to_stderr) -> list[Path]:
    """Return the jars of the broker, in order; fetch what is missing. Blocks, for about half a minute once.

    Safe to call from several processes at once: one fetches, the others wait for it.

    Raises:
        JarsError: no network, or a jar is not what it should be.
    """
    folder = cache or default_cache()
    folder.mkdir(parents=True, exist_ok=True)
    repository, marker, lock = folder / "repository", folder / "complete.json", locked_jars()
    classpath = [repository / jar.path for jar in lock]
    if _complete(marker, classpath):
        return classpath
    with exclusive(folder / ".lock"):
        if not _complete(marker, classpath):
            marker.unlink(missing_ok=True)
            announce(f"fetching Apache Kafka {KAFKA_VERSION}, about 60 MB, once")
            _fetch(repository, lock)
            for stale in folder.glob("*.aot"):  # Java would pass over it: these are other files
                stale.unlink()
            _write_marker(marker, classpath)
    return classpath


def locked_jars() -> list[Jar]:
    """Read `kafka.lock`."""
    jars = []
    for line in files(__package__).joinpath("kafka.lock").read_text().splitlines():
        if line and not line.startswith("#"):
            sha256, coordinates = line.split()
            jars.append(Jar(sha256, *coordinates.split(":")))
    return jars


def _complete(marker: Path, classpath: list[Path]) -> bool:
    """Whether the marker lists exactly these files and each still has its size (a few milliseconds)."""
    try:
        sizes = json.loads(marker.read_text())
        return bool(sizes == {str(jar): jar.stat().st_size for jar in classpath})
    except (OSError, ValueError):
        return False


def _write_marker(marker: Path, classpath: list[Path]) -> None:
    draft = marker.with_suffix(".tmp")
    draft.write_text(json.dumps({str(jar): jar.stat().st_size for jar in classpath}, indent=0))
    draft.replace(marker)


@contextlib.contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold a lock among processes; the system lets go of it should we die."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _fetch(repository: Path, lock: list[Jar]) -> None:
    """Bring every jar of the lock into the repository folder, replacing damaged ones."""
    for attempt in range(_ATTEMPTS):
        bad = [jar for jar in lock if not verified(repository / jar.path, jar)]
        if not bad:
            return
        for jar in bad:
            (repository / jar.path).unlink(missing_ok=True)
        try:
            download(repository, bad)
        except Exception as error:
            if attempt == _ATTEMPTS - 1:
                raise JarsError(
                    f"Apache Kafka {KAFKA_VERSION} could not be fetched: {error}. Is the network there?"
                ) from error
    names = ", ".join(f"{jar.artifact}-{jar.version}" for jar in lock if not verified(repository / jar.path, jar))
    if names:
        raise JarsError(f"These jars are not the ones that kafka.lock names: {names}")


def verified(path: Path, jar: Jar) -> bool:
    """Whether the file is there and is the jar that its sha256 names."""
    return path.is_file() and _sha256(path) == jar.sha256


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _context(repository: Path) -> MavenContext:
    from jgo.constants import MAVEN_CENTRAL_URL  # noqa: PLC0415 - slow to import, seldom needed
    from jgo.maven import MavenContext  # noqa: PLC0415

    return MavenContext(repo_cache=repository, remote_repos={"central": MAVEN_CENTRAL_URL}, timeout=60)


def download(repository: Path, jars: list[Jar]) -> None:
    """Download with jgo's resolver only: its environments would sort jars with a JDK, and fetch that too."""
    context = _context(repository)

    def resolve(jar: Jar) -> None:
        context.project(jar.group, jar.artifact).at_version(jar.version).artifact().resolve()

    with ThreadPoolExecutor(_DOWNLOADS) as pool:
        list(pool.map(resolve, jars))


def resolve_lock(repository: Path) -> Iterator[str]:
    """Resolve `_COORDINATES` anew and yield the lines of a new `kafka.lock`: for a change of version."""
    from jgo.parse import Coordinate  # noqa: PLC0415

    context = _context(repository)
    wanted = [context.create_dependency(replace(Coordinate.parse(each), scope="compile")) for each in _COORDINATES]
    direct, indirect = context.resolver.resolve(wanted)
    for artifact in [each.artifact for each in (*direct, *indirect) if each.scope in {"compile", "runtime"}]:
        sha256 = _sha256(artifact.resolve())
        yield f"{sha256} {artifact.groupId}:{artifact.artifactId}:{artifact.version}"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        sys.stdout.writelines(f"{line}\n" for line in resolve_lock(Path(scratch)))
