"""The whole demo, for real: broker, database, all services, mails; short, with every number right."""

import asyncio
import re
import sys
from pathlib import Path

import pytest

from backorder_dev.endpoints import read_endpoints

_LIMIT = 240


async def start(run_dir, *options):
    """`backorder demo` as a process; its output is one stream."""
    command = Path(sys.executable).with_name("backorder")
    return await asyncio.create_subprocess_exec(
        command,
        "demo",
        *("--seconds", "8", "--lines", "200", "--run-dir", run_dir, *options),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


@pytest.mark.stack
async def test_the_demo_plays_and_all_its_numbers_are_right(tmp_path):
    demo = await start(tmp_path / ".run", "--exit")
    async with asyncio.timeout(_LIMIT):
        output = (await demo.communicate())[0].decode()
    assert demo.returncode == 0, output
    assert re.search(r"all \d+ numbers are right", output)
    assert list((tmp_path / ".run" / "mailbox").glob("*.eml"))
    assert read_endpoints(tmp_path / ".run") is None


@pytest.mark.stack
async def test_a_signal_stops_everything_at_any_time(tmp_path):
    demo = await start(tmp_path / ".run")
    async with asyncio.timeout(_LIMIT):
        async for line in demo.stdout:
            if b"customers subscribed" in line:
                break
        demo.terminate()
        rest = (await demo.stdout.read()).decode()
        await demo.wait()
    assert demo.returncode == 130, rest
    assert "stopping broker" in rest
    assert read_endpoints(tmp_path / ".run") is None
