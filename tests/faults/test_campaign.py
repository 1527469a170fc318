"""The system under load is attacked in every way we know; nothing is lost, and nothing has an effect twice.

`make faults` runs it for MINUTES; `make test` runs one short round.
"""

import os
import sys
from pathlib import Path

import pytest
from faults_support.campaign import Settings, run
from faults_support.plan import SHORT, Kind
from measured import commit

pytestmark = [pytest.mark.stack, pytest.mark.alone]


def given(name, otherwise):
    return os.environ.get(f"FAULTS_{name}") or otherwise


SEED = int(given("SEED", "20261124"))
LONG = bool(given("MINUTES", ""))
SETTINGS = Settings(
    minutes=float(given("MINUTES", "0")),
    kinds=tuple(Kind) if LONG else SHORT,
    session=float(given("SESSION", "2")),
    outages=LONG,
    lines=float(given("LINES", "12")),
    burst=int(given("BURST", "2000" if LONG else "1000")),
)


def keep(result):
    """Write what is known so far, so that a campaign that is cut short leaves all but its end."""
    if name := given("JSON", ""):
        part = Path(f"{name}.part")
        part.write_text(result.as_json(), "utf-8")
        part.replace(name)


async def test_no_fault_loses_or_doubles_anything(tmp_path, capsys):
    def say(line):
        with capsys.disabled():
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()

    code = f"commit {commit() or 'not known'}"  # asked before, for somebody may commit meanwhile
    say(f"\nfault campaign, seed {SEED}, {code}, {SETTINGS.minutes:g} minutes, session timeout {SETTINGS.session:g} s")
    result = await run(tmp_path, SEED, SETTINGS, say, keep)
    say("\n".join(["", result.table(), *result.notes, f"seed {SEED}, {code}"]))
    for finding in result.findings:
        say(f"{finding.fault}: {finding.what[:2000]}")
    assert result.good, "see above"
