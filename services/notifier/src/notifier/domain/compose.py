"""One message out of all the news for one recipient about one order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from notifier.domain import wording
from notifier.domain.calendar import Calendar
from notifier.domain.model import Audience, BackOrder


@dataclass(frozen=True, slots=True)
class News:
    """A notification that is about to go out: its event and the state after it."""

    notification_id: str
    event_type: str
    state: BackOrder


@dataclass(frozen=True, slots=True)
class Told:
    """The dates that this recipient was told last through this channel; None when told that there is none."""

    p50: datetime | None
    p90: datetime | None


@dataclass(frozen=True, slots=True)
class Item:
    """What a message says about one back order: what happened, how things stand, what comes next."""

    back_order_id: str
    version: int
    event_type: str
    heading: str
    notes: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    next_step: str


@dataclass(frozen=True, slots=True)
class Letter:
    """A message in plain words, before it is laid out for a channel."""

    order_id: str
    subject: str
    opening: str
    items: tuple[Item, ...]
    closing: str


def promise_of(state: BackOrder) -> Told:
    """The dates in a state, as somebody hears them."""
    promise = state.promise
    return Told(promise.p50, promise.p90) if promise else Told(None, None)


def unchanged(news: Sequence[News], told: Mapping[str, Told]) -> frozenset[str]:
    """The notifications that would repeat dates this recipient knows: they moved, and back."""
    return frozenset(
        each.notification_id
        for each in news
        if each.event_type == "back-order.promised" and told.get(each.state.back_order_id) == promise_of(each.state)
    )


def learned(news: Sequence[News]) -> dict[str, BackOrder]:
    """The newest state that a message shows of each back order that is still open."""
    newest = {each.state.back_order_id: each.state for each in sorted(news, key=_version)}
    return {name: state for name, state in newest.items() if not state.closed}


def compose(audience: Audience, news: Sequence[News], told: Mapping[str, Told], calendar: Calendar) -> Letter:
    """The message that tells all this `news` (one or more, of one order). The same news, the same message."""
    by_back_order: dict[str, list[News]] = {}
    for each in sorted(news, key=_version):
        by_back_order.setdefault(each.state.back_order_id, []).append(each)
    voice = wording.Customer(calendar) if audience is Audience.CUSTOMER else wording.Team(calendar)
    items = tuple(_item(voice, told.get(name), steps) for name, steps in sorted(by_back_order.items(), key=_line))
    newest = [steps[-1] for _, steps in sorted(by_back_order.items(), key=_line)]
    return Letter(
        order_id=newest[0].state.order_id,
        subject=voice.subject([(wording.told_as(each.event_type, each.state), each.state) for each in newest]),
        opening=voice.opening(newest[0].state.order_id, len(items)),
        items=items,
        closing=voice.closing,
    )


def _item(voice: wording.Voice, told: Told | None, steps: Sequence[News]) -> Item:
    newest = steps[-1].state
    before = told.p50 if told else None
    return Item(
        back_order_id=newest.back_order_id,
        version=newest.version,
        event_type=steps[-1].event_type,
        heading=voice.heading(newest),
        notes=tuple(voice.note(wording.told_as(step.event_type, step.state), step.state, before) for step in steps),
        facts=tuple(voice.facts(newest)),
        next_step=voice.next_step(newest),
    )


def _version(news: News) -> tuple[int, str]:
    return (news.state.version, news.notification_id)


def _line(entry: tuple[str, list[News]]) -> tuple[int, str, str, str]:
    """Lines in the order of their numbers where they are numbers."""
    state = entry[1][-1].state
    number = int(state.line_id) if state.line_id.isascii() and state.line_id.isdecimal() else 0
    return (number, state.line_id, state.part_id, state.back_order_id)
