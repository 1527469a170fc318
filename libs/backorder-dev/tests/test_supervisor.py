"""The supervisor, over small children that do as they are told."""

import asyncio
import os
import signal
import sys
from itertools import pairwise

import pytest

from backorder_dev.process import Process, StartError
from backorder_dev.supervisor import Backoff, Supervisor

LIVES = "import time; print('up', flush=True); time.sleep(600)"
DIES = "import sys; print('no disk', flush=True); sys.exit(3)"


class Child:
    """A component over a real process, which is ready once it has printed something."""

    def __init__(self, name, folder, journal, code=LIVES):
        self.name, self.code = name, code
        self._log, self._journal, self._process = folder / f"{name}.log", journal, None

    @property
    def pid(self):
        return self._process.pid if self._process and self._process.returncode is None else None

    async def start(self):
        self._journal.append(f"start {self.name}")
        process = Process([sys.executable, "-c", self.code], log=self._log)

        async def printed():
            return "up" in process.output()

        try:
            await process.ready(printed, name=self.name, timeout=30)
        except BaseException:
            await process.kill()
            raise
        self._process = process

    async def stop(self):
        self._journal.append(f"stop {self.name}")
        if self._process:
            await self._process.stop(grace=5)


class Watch:
    """Collects what the supervisor does and lets a test wait for it."""

    def __init__(self):
        self.said, self.changes, self.stop = [], 0, asyncio.Event()

    def changed(self):
        self.changes += 1

    async def until(self, condition):
        async with asyncio.timeout(30):
            while not condition():
                await asyncio.sleep(0.01)

    def supervise(self, *stages, backoff=lambda: Backoff(first=0.01, most=0.05)):
        supervisor = Supervisor(stages, changed=self.changed, say=self.said.append, backoff=backoff)
        return asyncio.create_task(supervisor.run(self.stop))


async def test_stages_start_in_order_and_stop_in_reverse(tmp_path):
    journal, watch = [], Watch()
    running = watch.supervise(*([Child(name, tmp_path, journal)] for name in "abc"))
    await watch.until(lambda: watch.changes == 1)
    watch.stop.set()
    await running
    assert journal == ["start a", "start b", "start c", "stop c", "stop b", "stop a"]


async def test_the_components_of_a_stage_start_together(tmp_path):
    journal, watch = [], Watch()
    slow = Child("slow", tmp_path, journal, "import time; time.sleep(600)")
    running = watch.supervise([slow, Child("quick", tmp_path, journal)], [Child("later", tmp_path, journal)])
    await watch.until(lambda: any("quick is ready" in line for line in watch.said))
    watch.stop.set()
    await running
    assert journal[:2] == ["start slow", "start quick"]
    assert "start later" not in journal


async def test_a_killed_component_is_started_again_as_another_process(tmp_path):
    watch = Watch()
    child = Child("a", tmp_path, [])
    running = watch.supervise([child])
    await watch.until(lambda: watch.changes == 1)
    first = child.pid
    os.kill(first, signal.SIGKILL)
    await watch.until(lambda: watch.changes == 2)
    assert child.pid not in {None, first}
    watch.stop.set()
    await running
    assert child.pid is None


async def test_a_component_that_lives_and_is_stuck_is_started_again(tmp_path, monkeypatch):
    class Sick(Child):
        why = None

        async def stuck(self):
            why, self.why = self.why, None
            return why

    monkeypatch.setattr("backorder_dev.supervisor._EXAMINE", 0.01)
    watch = Watch()
    child = Sick("a", tmp_path, journal := [])
    running = watch.supervise([child])
    await watch.until(lambda: watch.changes == 1)
    first, child.why = child.pid, "it stares at the wall"
    await watch.until(lambda: watch.changes == 2)
    assert child.pid not in {None, first}
    assert "a is stuck: it stares at the wall" in watch.said
    assert journal == ["start a", "stop a", "start a"]
    watch.stop.set()
    await running


async def test_a_component_that_fails_after_a_restart_is_tried_again_until_it_works(tmp_path):
    watch = Watch()
    child = Child("a", tmp_path, journal := [])
    running = watch.supervise([child])
    await watch.until(lambda: watch.changes == 1)
    child.code = DIES
    os.kill(child.pid, signal.SIGKILL)
    await watch.until(lambda: len(journal) == 4)
    assert any("no disk" in line for line in watch.said)
    child.code = LIVES
    await watch.until(lambda: watch.changes == 2)
    watch.stop.set()
    await running


async def test_a_component_that_does_not_start_at_the_beginning_ends_the_whole(tmp_path):
    journal, watch = [], Watch()
    good, bad = Child("good", tmp_path, journal), Child("bad", tmp_path, journal, DIES)
    with pytest.raises(StartError, match=r"bad ended with code 3(.|\n)*no disk"):
        await watch.supervise([good], [bad])
    assert journal == ["start good", "start bad", "stop bad", "stop good"]
    assert good.pid is None
    assert watch.changes == 0


async def test_a_stop_while_starting_leaves_nothing_running(tmp_path):
    watch = Watch()
    good = Child("good", tmp_path, [])
    slow = Child("slow", tmp_path, [], "import time; time.sleep(600)")
    running = watch.supervise([good], [slow])
    await watch.until(lambda: "starting slow" in watch.said and good.pid)
    watch.stop.set()
    await running
    assert good.pid is None
    assert slow.pid is None


async def test_a_process_that_ignores_sigterm_is_killed_after_the_grace(tmp_path):
    code = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
    )
    process = Process([sys.executable, "-c", code], log=tmp_path / "log")
    await Watch().until(lambda: "up" in process.output())
    await process.stop(grace=0.1)
    assert process.returncode == -signal.SIGKILL


def test_the_wait_doubles_from_half_a_second_to_fifteen():
    backoff = Backoff()
    waits = [backoff.after(uptime=0) for _ in range(8)]
    assert waits[0] == 0.5
    assert all(later in {2 * sooner, 15} for sooner, later in pairwise(waits))
    assert waits[-1] == 15


def test_the_wait_is_short_again_after_half_a_minute_of_health():
    backoff = Backoff()
    for _ in range(8):
        backoff.after(uptime=29)
    assert backoff.after(uptime=30) == 0.5


def test_the_wait_stays_bounded_however_often_it_fails():
    backoff = Backoff()
    assert [backoff.after(uptime=0) for _ in range(5_000)][-1] == 15
