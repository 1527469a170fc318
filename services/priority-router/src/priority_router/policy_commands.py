"""`backorder policy`: the rules of the queue, checked, compared, put into force, tried out."""

import asyncio
import getpass
import sys
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

from aiokafka.errors import KafkaError
from cyclopts import App, Parameter

from backorder_contracts.policy import PolicyApplied
from backorder_runtime.clock import utc_now
from backorder_runtime.local_settings import NoSystem, kafka_settings, service_url
from backorder_runtime.publisher import PublishingFailed
from priority_router import policy_topic
from priority_router.asking import ROUTER, RouterUrl, ask
from priority_router.policy_diff import Written, differences, span, written
from priority_router.policy_file import PolicyMistakesError, default_text
from priority_router.simulate_command import simulate as replay

T = TypeVar("T")

app = App(help="The rules of the queue: which lines go first, what they may take, when units are released.")


@app.command
def check(file: Path) -> None:
    """Say what is wrong with a policy file, one line per mistake; exit code 1 if anything is."""
    found = _read(file)
    bands = ", ".join(f"{name} ({band.strategy.value}, {span(band.target)})" for name, band in found.bands.items())
    _say(f"{file}: version {found.policy.version} can be put into force; bands: {bands}")


@app.command
def apply(file: Path, *, by: str | None = None, wait: float = 30, router: RouterUrl = None) -> None:
    """Put a policy into force, without a restart of anything.

    Args:
        file: The policy.
        by: Who does it; else the user of this machine.
        wait: Seconds to wait until the routers have ranked every lane by it.
        router: Where a priority-router answers, such as http://host:8080.
    """
    new = _read(file)
    text, version = file.read_text("utf-8"), new.policy.version
    known = _run(_applied())
    _check_version(version, text, known)
    if known and known[-1].text == text:
        _say(f"version {version} is in force already, since {known[-1].applied_at:%Y-%m-%d %H:%M:%S} UTC")
        return
    _run(policy_topic.apply(kafka_settings(), version, text, by or getpass.getuser(), utc_now()))
    _say(f"version {version} is in force")
    _watch(version, router or service_url(ROUTER), wait)


@app.command
def show() -> None:
    """Print the policy in force as it was written; who put it into force, and when, goes to standard error."""
    event = _in_force(_run(_applied()))
    if event is None:
        _tell("no policy was applied yet: this is the one that holds from the start")
    else:
        _tell(f"version {event.version}, in force since {event.applied_at:%Y-%m-%d %H:%M:%S} UTC by {event.applied_by}")
    sys.stdout.write(default_text() if event is None else event.text)


@app.command
def diff(file: Path) -> None:
    """Say in words what a policy file would change, compared with the policy in force."""
    new = _read(file)
    old = _written_in_force()
    sentences = differences(old, new)
    _say(f"{old.policy.version} → {new.policy.version}: {_count(sentences)}" if sentences else "no difference")
    for sentence in sentences:
        _say(f"- {sentence}")


@app.command
def simulate(
    file: Path, *, since: str, as_json: Annotated[bool, Parameter(name="--json", negative=())] = False
) -> None:
    """Replay what happened to the queue under another policy, and compare. The running system is not touched.

    A line is late when its units were not all set aside by the date that the policy in force gave it.

    Args:
        file: The other policy.
        since: From when on it is to hold: a time, a date, a span such as 12h or 2d back from now, or start (of
            the recording).
        as_json: Print everything, for programs.
    """
    new = _read(file)
    try:
        replay(new.policy, since, as_json=as_json)
    except ValueError as problem:
        fail(str(problem))


def _count(sentences: list[str]) -> str:
    return "1 difference" if len(sentences) == 1 else f"{len(sentences)} differences"


def _written_in_force() -> Written:
    event = _in_force(_run(_applied()))
    return written(default_text(), "default policy") if event is None else written(event.text, "policy in force")


def _applied() -> Coroutine[Any, Any, list[PolicyApplied]]:
    try:
        return policy_topic.applied(kafka_settings())
    except NoSystem as problem:
        fail(str(problem))


def _in_force(known: list[PolicyApplied]) -> PolicyApplied | None:
    """The newest event whose text is a policy: routers leave others out, too."""
    for event in reversed(known):
        try:
            written(event.text, event.version)
        except PolicyMistakesError:
            continue
        return event
    return None


def _check_version(version: str, text: str, known: list[PolicyApplied]) -> None:
    """A version has one text for ever: events and lanes name the policy by it."""
    texts = [event.text for event in known if event.version == version]
    default = default_text()
    if written(default, "default policy").policy.version == version:
        texts.append(default)
    if any(other != text for other in texts):
        fail(f"version {version} was put into force with another content before; write another version into the file")


def _watch(version: str, router: str | None, wait: float) -> None:
    """Say how far the routers are; their answer is no condition of the policy being in force."""
    if router is None:
        _say("every priority-router takes it over by itself; GET /policy of any of them says how many lanes are left")
        return
    deadline = time.monotonic() + wait
    answer: dict[str, Any] = {}
    while time.monotonic() < deadline:
        answer = ask(router, "/policy")[1] or answer
        if answer.get("version") == version and not answer.get("lanes_left"):
            _say(f"every lane is ranked by it ({answer['lanes']} lanes)")
            return
        time.sleep(0.2)
    left = answer.get("lanes_left", "unknown") if answer.get("version") == version else "all"
    _say(f"lanes that are still to be ranked by it: {left}; {router}/policy says how far it is")


def _read(file: Path) -> Written:
    try:
        return written(file.read_text("utf-8"), str(file))
    except PolicyMistakesError as mistakes:
        for mistake in mistakes.mistakes:
            _tell(str(mistake))
        raise SystemExit(1) from None
    except UnicodeDecodeError:
        _tell(f"{file}:1: the file is not UTF-8; save it as UTF-8")
        raise SystemExit(1) from None
    except OSError as error:
        fail(f"{file} cannot be read: {error.strerror}")


def _run(work: Coroutine[Any, Any, T]) -> T:
    try:
        return asyncio.run(work)
    except (KafkaError, PublishingFailed, OSError) as error:
        fail(f"the broker cannot be used: {error}")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def _tell(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def fail(text: str) -> NoReturn:
    """End the command with one line."""
    _tell(f"backorder policy: {text}")
    raise SystemExit(1)
