"""A supervised Python module: prepared once, ready by HTTP, restarted without preparing again."""

import asyncio
import os
import signal
import time
from pathlib import Path
from types import SimpleNamespace

import httpx
import psutil
import pytest

from backorder_dev.process import StartError
from backorder_dev.python_process import PythonProcess

SERVICE = """
import http.server, os, sys
if sys.argv[1:] == ["migrate"]:
    print("migrating for", os.environ["WHO"], flush=True)
    sys.exit(int(os.environ.get("FAIL", "0")))
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        health = int(os.environ.get("HEALTH", "200"))
        self.send_response({"/readyz": 200, "/healthz": health}.get(self.path, 404))
        self.end_headers()
    def log_message(self, *_): pass
address = os.environ["BACKORDER_HTTP__HOST"], int(os.environ["BACKORDER_HTTP__PORT"])
http.server.HTTPServer(address, Handler).serve_forever()
"""


SESSIONS = Path("/proc/self/autogroup").exists()


def session_nice(pid):
    """What Linux compares the session of a process by."""
    return int(Path(f"/proc/{pid}/autogroup").read_text().split()[-1])


def make(tmp_path, *, nice=0, **environment):
    tmp_path.mkdir(exist_ok=True)
    (tmp_path / "sample_service.py").write_text(SERVICE)
    known = {"PYTHONPATH": str(tmp_path), "WHO": "us", **environment}
    return PythonProcess("sample", "sample_service", tmp_path / "log", lambda: known, prepare=["migrate"], nice=nice)


async def test_it_is_up_when_it_says_that_it_is_ready(tmp_path):
    process = make(tmp_path)
    await process.start()
    try:
        async with httpx.AsyncClient(trust_env=False) as client:
            assert (await client.get(f"{process.base_url}/readyz")).is_success
    finally:
        await process.stop()
    assert process.pid is None


async def test_it_is_prepared_before_the_first_start_only_and_keeps_its_port(tmp_path):
    process = make(tmp_path)
    await process.start()
    port = process.port
    os.kill(process.pid, signal.SIGKILL)
    await process._process.ended()
    await process.start()
    await process.stop()
    assert process.port == port
    assert (tmp_path / "log").read_text().count("migrating for us") == 1


async def test_those_who_come_after_others_do_so_beside_other_sessions_too(tmp_path):
    several = [make(tmp_path / str(n), nice=n) for n in (0, 5, 10)]
    await asyncio.gather(*(each.start() for each in several))
    try:
        assert [psutil.Process(each.pid).nice() - psutil.Process().nice() for each in several] == [0, 5, 10]
        if SESSIONS:
            assert [session_nice(each.pid) for each in several] == [0, 5, 10]
    finally:
        for each in several:
            await each.stop()


async def test_a_failed_preparation_says_why(tmp_path):
    process = make(tmp_path, FAIL="2")
    with pytest.raises(StartError, match=r"migrate` failed with code 2(.|\n)*migrating for us"):
        await process.start()
    assert process.pid is None


async def test_it_is_stuck_when_it_says_so_twice_or_says_nothing_for_a_minute(tmp_path, monkeypatch):
    process = make(tmp_path, HEALTH="503")
    await process.start()
    try:
        assert await process.stuck() is None, "once is no proof"
        assert "stands still" in await process.stuck()
        os.kill(process.pid, signal.SIGSTOP)
        assert await process.stuck() is None, "it may be busy"
        now = time.monotonic
        monkeypatch.setattr("backorder_dev.python_process.time", SimpleNamespace(monotonic=lambda: now() + 61))
        assert "not answered" in await process.stuck()
    finally:
        monkeypatch.undo()
        os.kill(process.pid, signal.SIGCONT)
        await process.stop()
