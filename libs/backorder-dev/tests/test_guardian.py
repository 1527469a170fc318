"""Nothing outlives us, however we end."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

PARENT = """
import sys, time
from pathlib import Path
from backorder_dev.process import Process
children = [Process([sys.executable, "-c", "import time; time.sleep(600)"], log=Path(sys.argv[1])) for _ in range(3)]
print(*(child.pid for child in children), flush=True)
time.sleep(600)
"""

STACK_PARENT = """
import asyncio, sys
from pathlib import Path
import psutil
from backorder_dev.kafka import EmbeddedKafka
from backorder_dev.postgres import EmbeddedPostgres
async def main():
    folder = Path(sys.argv[1])
    async with EmbeddedPostgres(folder / "postgres") as postgres, EmbeddedKafka(folder / "kafka") as kafka:
        family = psutil.Process(postgres.pid).children(recursive=True)
        print(postgres.pid, kafka.pid, *(child.pid for child in family), flush=True)
        await asyncio.sleep(600)
asyncio.run(main())
"""


def start(code, argument):
    parent = subprocess.Popen([sys.executable, "-c", code, str(argument)], stdout=subprocess.PIPE, text=True)
    children = [psutil.Process(int(pid)) for pid in parent.stdout.readline().split()]
    assert len(children) > 1
    assert all(child.is_running() for child in children)
    return parent, children


def gone_within(children, seconds):
    deadline = time.monotonic() + seconds
    while any(running(child) for child in children):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def running(child):
    try:
        return child.is_running() and child.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_children_end_with_their_parent(tmp_path, end):
    parent, children = start(PARENT, tmp_path / "log")
    parent.send_signal(end)
    parent.communicate()
    assert gone_within(children, 10)


def test_children_end_even_when_the_whole_process_group_is_killed(tmp_path):
    code = "import os; os.setpgrp()\n" + PARENT
    parent, children = start(code, tmp_path / "log")
    os.killpg(parent.pid, signal.SIGKILL)
    parent.communicate()
    assert gone_within(children, 10)


@pytest.mark.stack
def test_kill_9_of_the_parent_leaves_no_broker_and_no_database(tmp_path):
    parent, children = start(STACK_PARENT, tmp_path)
    parent.kill()
    parent.communicate()
    assert gone_within(children, 15)


@pytest.mark.stack
def test_an_interrupted_test_run_leaves_nothing(tmp_path):
    (tmp_path / "test_it.py").write_text(
        "def test_it(postgres):\n    print('PID', postgres.pid, flush=True)\n    raise KeyboardInterrupt\n"
    )
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-s",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        str(tmp_path),
        str(tmp_path),
    ]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == pytest.ExitCode.INTERRUPTED, done.stdout
    (line,) = (line for line in done.stdout.splitlines() if "PID" in line)
    assert not psutil.pid_exists(int(line.split()[-1]))
