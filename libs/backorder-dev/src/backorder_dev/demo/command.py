"""`backorder demo`: starts everything, plays, checks, and stays up until Ctrl-C."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from pathlib import Path

import cyclopts
from rich.console import Console

from backorder_dev.daemon import AlreadyUpError, claim
from backorder_dev.demo.folder import fresh, notifier_url
from backorder_dev.demo.letters import SubscribeError, subscribe, subscribers
from backorder_dev.demo.picture import picture_for
from backorder_dev.demo.plan import make_plan
from backorder_dev.demo.play import NoRestError, Play
from backorder_dev.demo.reader import print_topic
from backorder_dev.demo.summary import print_figures, print_findings, print_further, print_mail
from backorder_dev.demo.verdict import judge
from backorder_dev.endpoints import Endpoints, read_endpoints
from backorder_dev.local_run import LocalRun
from backorder_dev.process import StartError
from backorder_dev.topics import DEFAULT_PARTITIONS
from backorder_runtime.lifecycle import stop_on_signals

_RUN_DIR = Path(".run")
_INTERRUPTED = 130
_PAPER = 160  # columns, where nobody says how many there are

app = cyclopts.App(help="Start everything and play a parts business for a minute.")


@app.default
def demo(
    *,
    seconds: float = 60,
    lines: int = 3_000,
    seed: int = 1,
    exit: bool = False,  # noqa: A002 - the option's name
    partitions: int = DEFAULT_PARTITIONS,
    run_dir: Path = _RUN_DIR,
) -> None:
    """Start everything, play a parts business, and check every number of the summary.

    It stays up until Ctrl-C, which stops all of it. The exit code is 1 when a number is wrong.

    Args:
        seconds: How long the play lasts.
        lines: Order lines in it.
        seed: Of the play: the same seed, the same orders and deliveries.
        exit: Stop after the summary.
        partitions: Of the lane-keyed topics.
        run_dir: Folder for all state. What an earlier demo left there goes; anything else is kept beside it.
    """
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _PAPER
    show = _Demo(console, run_dir.resolve(), seconds=seconds, lines=lines, seed=seed, stay=not exit)
    try:
        sys.exit(asyncio.run(show.run(partitions)))
    except AlreadyUpError:
        console.print(f"something is up in {run_dir.resolve()} already: `backorder down` stops it", markup=False)
    except (StartError, NoRestError, SubscribeError) as error:
        console.print(str(error), markup=False)
    sys.exit(1)


@app.command
def read(topic: str, *, run_dir: Path = _RUN_DIR) -> None:
    """Print what stands on a topic of the local run, and what comes, until Ctrl-C.

    Args:
        topic: Its name, such as back-order-state.
        run_dir: Folder of the local run.
    """
    endpoints = read_endpoints(run_dir.resolve())
    if endpoints is None:
        sys.exit(f"nothing is up in {run_dir.resolve()}")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(print_topic(endpoints.kafka, topic))


class _Demo:
    """One run of the demo."""

    def __init__(self, console: Console, run_dir: Path, *, seconds: float, lines: int, seed: int, stay: bool) -> None:
        self._console = console
        self._dir = run_dir
        self._plan = make_plan(seed=seed, lines=lines, seconds=seconds)
        self._seed = seed
        self._stay = stay

    def _say(self, line: str) -> None:
        self._console.print(line, markup=False, style="dim")

    async def run(self, partitions: int) -> int:
        """Start everything, play, and stop everything; returns the exit code."""
        stop = stop_on_signals()
        with claim(self._dir):
            fresh(self._dir, self._say)
            up: asyncio.Future[Endpoints] = asyncio.get_running_loop().create_future()
            local = LocalRun(self._dir, partitions=partitions, say=self._say, ready=up.set_result)
            running = asyncio.create_task(local.run(stop))
            playing = asyncio.create_task(self._play(up))
            stopping = asyncio.create_task(stop.wait())
            try:
                await asyncio.wait({running, playing, stopping}, return_when=asyncio.FIRST_COMPLETED)
                if not playing.done():
                    return _INTERRUPTED
                code = playing.result()
                if self._stay and not stop.is_set():
                    print_further(self._console, await up, self._dir)
                    await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
                return code
            finally:
                stop.set()
                playing.cancel()
                await asyncio.gather(playing, return_exceptions=True)
                await running

    async def _play(self, up: asyncio.Future[Endpoints]) -> int:
        endpoints = await up
        contacts = subscribers(self._plan.customers, seed=self._seed, push_url=endpoints.sinks["push"])
        await subscribe(contacts, notifier_url(self._dir))
        self._say(f"{len(contacts)} of {len(self._plan.customers)} customers subscribed")
        play = Play(self._plan, self._seed, contacts, picture_for(self._console))
        evidence = await play.run(endpoints)
        findings = judge(evidence)
        print_figures(self._console, play.board, evidence)
        print_findings(self._console, findings)
        print_mail(self._console, endpoints, evidence)
        return 0 if all(finding.ok for finding in findings) else 1
