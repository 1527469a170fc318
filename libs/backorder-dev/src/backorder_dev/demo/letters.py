"""What lies in the mailbox and in the folder of push messages, and who subscribed."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from importlib.metadata import entry_points
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

import cyclopts

from backorder_dev.demo.records import Letter
from backorder_dev.demo.stories import CUSTOMERS

_SHARE = 0.25
_PUSHED = 0.35


class SubscribeError(RuntimeError):
    """A customer could not be subscribed; the message says why."""


def subscribers(customers: dict[str, str], *, seed: int, push_url: str) -> dict[str, dict[str, str]]:
    """Who wants to hear, and where: all customers of the scenes and a quarter of the others; some by push as well."""
    random = Random(seed)  # noqa: S311 - a play, not a secret
    contacts = {}
    for customer in sorted(customers):
        told, pushed = random.random() < _SHARE, random.random() < _PUSHED
        if customer in CUSTOMERS or told:
            contacts[customer] = {"email": f"parts@{customer.lower()}.example"}
            if pushed:
                contacts[customer]["push"] = f"{push_url}/{customer}"
    return contacts


async def subscribe(contacts: dict[str, dict[str, str]], database_url: str) -> None:
    """Run `backorder contacts set` for each customer, in this process.

    Raises:
        SubscribeError: the command failed.
    """
    await asyncio.to_thread(_subscribe, contacts, database_url)


def _subscribe(contacts: dict[str, dict[str, str]], database_url: str) -> None:
    (found,) = entry_points(group="backorder.commands", name="contacts")
    app: cyclopts.App = found.load()
    said = io.StringIO()
    os.environ["BACKORDER_DATABASE__URL"] = database_url
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            for customer, channels in contacts.items():
                options = [word for name, address in channels.items() for word in (f"--{name}", address)]
                command, bound, _ = app.parse_args(["set", customer, *options], exit_on_error=False)
                command(*bound.args, **bound.kwargs)
    except (SystemExit, cyclopts.CycloptsError) as error:
        raise SubscribeError(f"`backorder contacts set` failed: {said.getvalue().strip() or error}") from error
    finally:
        del os.environ["BACKORDER_DATABASE__URL"]


def read_mails(folder: Path) -> list[Letter]:
    """The mails in the folder, oldest first."""
    return [
        Letter(path.name, str(mail["Message-ID"]).strip(), str(mail["X-Envelope-To"]).strip())
        for path in sorted(folder.glob("*.eml"))
        for mail in (open_mail(path),)
    ]


def open_mail(path: Path) -> EmailMessage:
    """A mail as its reader sees it."""
    with path.open("rb") as file:
        return BytesParser(policy=policy.default).parse(file)


def read_pushes(folder: Path, endpoint: str) -> list[Letter]:
    """The push messages in the folder, oldest first; `endpoint` is the URL under which they are taken."""
    parts = urlsplit(endpoint)
    origin = f"{parts.scheme}://{parts.netloc}"
    pushes = []
    for path in sorted(folder.glob("*.json")):
        push = json.loads(path.read_text())
        headers = {name.lower(): value for name, value in push["headers"].items()}
        pushes.append(Letter(path.name, headers.get("idempotency-key", ""), f"{origin}{push['path']}"))
    return pushes
