"""Which dead letters a person means: by name, by service, reason, topic, age, offset. Mistakes are said in words."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pydantic_core import PydanticCustomError

from backorder_contracts.fields import parse_time_or_date
from backorder_contracts.refusal import Reason
from backorder_contracts.topics import TOPICS
from backorder_runtime.command_line import CannotDo
from backorder_runtime.dlq.handled import Handled
from backorder_runtime.dlq.letters import Identity, LetterReader, StoredLetter, services

_SPAN = re.compile(r"(\d{1,6})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_RANGE = re.compile(r"(\d{1,18})(?:-(\d{0,18}))?")
_EVER = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Selection:
    """Letters that fulfil everything that is named here. `by_id` is service → ranges of offsets."""

    services: tuple[str, ...]
    by_id: dict[str, tuple[range, ...]] = field(default_factory=dict)
    reasons: frozenset[str] = frozenset()
    topics: frozenset[str] = frozenset()
    since: datetime | None = None
    until: datetime | None = None
    handled: bool = False

    def fits(self, letter: StoredLetter) -> bool:
        """Whether it is meant, whatever was done with it."""
        at, ranges = letter.why.at, self.by_id.get(letter.service)
        return (
            (ranges is None or any(letter.offset in each for each in ranges))
            and (not self.reasons or letter.why.reason in self.reasons)
            and (not self.topics or letter.why.topic in self.topics)
            and (self.since is None or at >= self.since)
            and (self.until is None or at < self.until)
        )

    def span(self, service: str) -> range | None:
        """The offsets outside of which nothing is meant; None for all."""
        ranges = self.by_id.get(service)
        return range(min(r.start for r in ranges), max(r.stop for r in ranges)) if ranges else None


@dataclass(slots=True)
class Found:
    """A letter and how often it was sent: a service that dies in mid-batch sends some again."""

    letter: StoredLetter
    times: int = 1


def select(
    now: datetime,
    *,
    letters: Sequence[str] = (),
    service: Sequence[str] = (),
    reason: Sequence[str] = (),
    topic: Sequence[str] = (),
    since: str | None = None,
    until: str | None = None,
    offsets: str | None = None,
    handled: bool = False,
) -> Selection:
    """What was typed as a selection. Raises `CannotDo`."""
    known = services()
    _all_known("service", service, known)
    _all_known("reason", reason, list(Reason))
    _all_known("topic", topic, list(TOPICS))
    begin, end = _moment("--since", since, now), _moment("--until", until, now)
    if begin is not None and end is not None and begin >= end:
        raise CannotDo(f"--since {since} is not before --until {until}")
    by_id = _by_id(letters, known)
    if offsets is not None:
        if letters or len(service) != 1:
            raise CannotDo("--offsets are those of one dead-letter topic: name one --service with them, no letters")
        by_id = {service[0]: (_range("--offsets", offsets),)}
    if strange := by_id.keys() - set(service or known):
        raise CannotDo(f"--service {', '.join(service)} leaves out the letters of {', '.join(sorted(strange))}")
    chosen = tuple(by_id) or tuple(service) or tuple(known)
    return Selection(chosen, by_id, frozenset(reason), frozenset(topic), begin, end, handled)


async def find(reader: LetterReader, handled: Handled, selection: Selection) -> list[Found]:
    """The letters that are meant, without their records, by service and age. Raises `CannotDo`."""
    found: dict[Identity, Found] = {}
    for service in selection.services:
        async for letter in reader.read(service, since=selection.since, offsets=selection.span(service)):
            if not selection.fits(letter):
                continue
            known = found.get(letter.identity)
            found[letter.identity] = Found(letter.small, known.times + 1 if known else 1)
    return [each for each in found.values() if selection.handled or handled.is_open(each.letter)]


def _all_known(what: str, given: Sequence[str], known: Sequence[str]) -> None:
    if strange := [each for each in given if each not in known]:
        raise CannotDo(f"there is no {what} {', '.join(strange)}; there are: {', '.join(sorted(known))}")


def _by_id(letters: Sequence[str], known: Sequence[str]) -> dict[str, tuple[range, ...]]:
    by_id: dict[str, tuple[range, ...]] = {}
    for letter in letters:
        service, slash, offsets = letter.partition("/")
        if not slash:
            raise CannotDo(f"{letter} names no letter: expected SERVICE/OFFSET, as `backorder dlq list` shows them")
        _all_known("service", [service], known)
        by_id[service] = (*by_id.get(service, ()), _range(letter, offsets))
    return by_id


def _range(what: str, text: str) -> range:
    found = _RANGE.fullmatch(text)
    if not found:
        raise CannotDo(f"{what}: {text!r} is no offset and no range of offsets such as 10-20 or 10-")
    first = int(found[1])
    last = first if found[2] is None else int(found[2] or _EVER - 1)
    if last < first:
        raise CannotDo(f"{what}: the range {text} ends before it begins")
    return range(first, last + 1)


def _moment(option: str, text: str | None, now: datetime) -> datetime | None:
    """A time with an offset, a date, or a span back from now."""
    if text is None:
        return None
    if found := _SPAN.fullmatch(text):
        return now - timedelta(**{_UNITS[found[2]]: int(found[1])})
    try:
        return parse_time_or_date(text)
    except PydanticCustomError as error:
        raise CannotDo(f"{option} {text}: {error.message()}, or a span back from now such as 12h or 2d") from error
