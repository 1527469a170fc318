"""The end of a run in which processes were killed: everything is shipped, and the oracle is asked about all of it."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from email import message_from_bytes
from pathlib import Path

from e2e_support import oracle
from e2e_support.business import REASON, Business
from e2e_support.system import System
from e2e_support.trading import ship_everything
from e2e_support.warehouse import Key

_SENDERS = 2  # mails that a notifier has under way at most, and a crash may double


@dataclass(frozen=True)
class Reckoning:
    """What there was when everything held. `doubled` counts mails, of which `most` may have come twice."""

    letters: int
    letters_again: int
    told: int
    told_again: int
    mails: int
    doubled: int
    most: int


async def ship_at_rest(system: System, business: Business, released: Mapping[Key, int]) -> Counter[Key]:
    """Let it come to rest, and ship everything; returns what had been sent of each line before that."""
    await system.until_rest(180)
    there = await oracle.ledgers(system)
    assert there["waiting"], "the two ledgers had something to disagree about"
    assert there["covered"] + there["allocated"] + there["released"], there
    before_the_end = business.warehouse.sent.copy()
    await ship_everything(system, business, released)
    return before_the_end


async def reckon(
    system: System, business: Business, before_the_end: Counter[Key], customers: set[str], hits: int
) -> Reckoning:
    """All that the oracle asks. `customers` want mail; `hits` is how often a notifier lost what it had under way."""
    there = await oracle.ledgers(system)
    assert not any(there[name] for name in ("covered", "waiting", "allocated", "released")), there
    await oracle.every_line(system, business, before_the_end)
    await oracle.all_supply(system, business)
    letters, letters_again = await oracle.dead_letters(system, REASON)
    told, told_again, mails = await oracle.notifications(system, customers)
    received = await asyncio.to_thread(_mailbox, Path(system.endpoints.mailbox))
    assert mails <= received.keys(), "a mail that was sent did not arrive"
    doubled, most = received.total() - len(received), _SENDERS * hits
    assert doubled <= most, f"{doubled} mails doubled, at most {most} could be under way"
    return Reckoning(letters, letters_again, told, told_again, len(mails), doubled, most)


def starts(system: System, service: str) -> int:
    """How often a service was started, the first time included."""
    log = Path(system.endpoints.mailbox).parent / "logs" / f"{service}.log"
    return log.read_bytes().count(b'"event": "starting"')


def _mailbox(folder: Path) -> Counter[str]:
    """How often each mail arrived."""
    return Counter(message_from_bytes(file.read_bytes())["Message-ID"].strip() for file in folder.glob("*.eml"))
