"""The words: what a customer and what the parts team reads about a back order."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import ClassVar, Final, Protocol

from notifier.domain.calendar import Calendar
from notifier.domain.model import BackOrder


class Voice(Protocol):
    """How one audience is spoken to."""

    closing: str

    def subject(self, newest: Sequence[tuple[str, BackOrder]]) -> str:
        """One line over the message."""
        ...

    def opening(self, order_id: str, count: int) -> str:
        """The sentence before the items."""
        ...

    def heading(self, state: BackOrder) -> str:
        """Which part and line an item is about."""
        ...

    def note(self, event_type: str, state: BackOrder, before: datetime | None) -> str:
        """What happened; `before` is the date told last."""
        ...

    def facts(self, state: BackOrder) -> Iterator[tuple[str, str]]:
        """How things stand, label by label."""
        ...

    def next_step(self, state: BackOrder) -> str:
        """What comes next."""
        ...


def told_as(event_type: str, state: BackOrder) -> str:
    """The event whose words fit what happened: there are two more things that `back-order.cancelled` can mean.

    A part was cancelled and the rest still comes; or, of a back order of which units are released, the others were
    rerouted.
    """
    if event_type != "back-order.cancelled":
        return event_type
    if state.reason == "rerouted":
        return "back-order.rerouted"
    return event_type if state.closed else "back-order.partly-cancelled"


class Customer:
    """Plain words about parts, pieces and dates; no word of bands, lanes or ranks."""

    closing = "You need to do nothing. If these dates do not suit you, reply to this message."

    _headlines: ClassVar = {
        "back-order.opened": "{part} is not in stock yet",
        "back-order.increased": "more of {part} is not in stock yet",
        "back-order.promised": "when {part} is expected",
        "back-order.breached": "{part} is later than you asked for",
        "back-order.held": "{part} is on hold",
        "back-order.resumed": "{part} is no longer on hold",
        "back-order.released": "{part} is being made ready to ship",
        "back-order.shipped": "{part} is on its way",
        "back-order.completed": "{part} is complete",
        "back-order.cancelled": "{part} is cancelled",
        "back-order.partly-cancelled": "some pieces of {part} are cancelled",
        "back-order.cancel-refused": "{part} can no longer be cancelled",
        "back-order.rerouted": "{part} comes from another location",
    }

    def __init__(self, calendar: Calendar) -> None:
        self._calendar = calendar

    def subject(self, newest: Sequence[tuple[str, BackOrder]]) -> str:
        """The order, and what is new: in words for one part, as a count for several."""
        event_type, state = newest[0]
        if len(newest) > 1:
            return f"Order {state.order_id}: news about {len(newest)} parts"
        headline = self._headlines.get(event_type, "news about {part}")
        return f"Order {state.order_id}: {headline.replace('{part}', state.part_id)}"

    def opening(self, order_id: str, count: int) -> str:
        """Names the order."""
        return f"This is about your order {order_id}" + (f" ({count} lines)." if count > 1 else ".")

    def heading(self, state: BackOrder) -> str:
        """Part and order line."""
        return f"Part {state.part_id} (order line {state.line_id})"

    def note(self, event_type: str, state: BackOrder, before: datetime | None) -> str:
        """What happened, in one or two sentences."""
        if event_type == "back-order.promised":
            return self._date(state, before)
        say = _SAYINGS.get(event_type)
        return say(state) if say else "There is news about this line."

    def _date(self, state: BackOrder, before: datetime | None) -> str:
        if state.promise is None:
            return "We can no longer name a date for what is missing. We will write as soon as we can."
        day = self._calendar.day(state.promise.p50)
        if before is None:
            return f"What is missing is expected around {day}."
        earlier = self._calendar.day(before)
        if earlier == day:
            return f"What is missing is still expected around {day}; the time has become clearer."
        return f"What is missing is now expected around {day}. We had told you {earlier}."

    def facts(self, state: BackOrder) -> Iterator[tuple[str, str]]:
        """Pieces, then dates: expected, cautious, and what was said first."""
        units = state.quantity
        yield "Ordered", str(units.ordered)
        for label, count in (
            ("Sent from stock at once, or set aside for it", units.covered),
            ("Late pieces sent so far", units.shipped),
            ("Being made ready to ship", units.released),
            ("Still missing", units.waiting + units.allocated),
            ("Cancelled, or from another location", units.cancelled),
        ):
            if count:
                yield label, str(count)
        if state.promise and not state.closed:
            yield "Expected around", self._calendar.day(state.promise.p50)
            yield "Very likely by", self._calendar.day(state.promise.p90)
            if self._calendar.day(state.promise.first_p50) != self._calendar.day(state.promise.p50):
                yield "Our first estimate was", self._calendar.day(state.promise.first_p50)
        if state.need_by:
            yield "You asked for it by", self._calendar.last_day(state.need_by)

    def next_step(self, state: BackOrder) -> str:
        """What we will do, so that nobody has to ask."""
        if state.closed:
            return ""
        if state.status == "held":
            return "What happens next: we wait until the hold is lifted."
        if state.quantity.waiting == 0 and state.quantity.allocated == 0:
            return "What happens next: the rest is being shipped; we write when it is on its way."
        return "What happens next: we ship as soon as the pieces are here, and write again if the date moves."


class Team:
    """Every figure that the parts team needs to act, in the field's words."""

    closing = "Sent by the back-order notifier to the parts team."

    def __init__(self, calendar: Calendar) -> None:
        self._calendar = calendar

    def subject(self, newest: Sequence[tuple[str, BackOrder]]) -> str:
        """What happened to which lane, and for which order."""
        event_type, state = newest[0]
        down = "machine down, " if any(each.service_impact == "down" for _, each in newest) else ""
        if len(newest) > 1:
            return f"Back orders: {down}{len(newest)} lines of order {state.order_id}"
        happened = event_type.removeprefix("back-order.")
        return f"Back order {happened}: {down}{state.part_id}@{state.location_id}, order {state.order_id}"

    def opening(self, order_id: str, count: int) -> str:
        """Names the order."""
        return f"Order {order_id}, {count} back order{'s' if count > 1 else ''}."

    def heading(self, state: BackOrder) -> str:
        """Lane, line and customer."""
        return f"{state.part_id}@{state.location_id}, line {state.line_id}, customer {state.customer_id}"

    def note(self, event_type: str, state: BackOrder, before: datetime | None) -> str:
        """The event, and what it means where that is not obvious."""
        happened = event_type.removeprefix("back-order.").replace("-", " ")
        match event_type:
            case "back-order.at-risk":
                return "At risk: the promise passes the due date."
            case "back-order.breached":
                return "Breached: the due date has passed, unfilled."
            case "back-order.revoked":
                return "Revoked: units set aside were taken back after a date had been promised."
            case "back-order.promised" if before is not None and state.promise is not None:
                return f"Promised: moved from {self._calendar.time(before)}."
            case _:
                return f"{happened.capitalize()}."

    def facts(self, state: BackOrder) -> Iterator[tuple[str, str]]:
        """Status, units and every date."""
        units, time = state.quantity, self._calendar.time
        yield "Back order", state.back_order_id
        yield "Status", state.status
        yield "Band", f"{state.band or 'none yet'}, service impact {state.service_impact}"
        moved = ("waiting", "allocated", "released", "shipped", "cancelled")
        counts = ", ".join(f"{getattr(units, name)} {name}" for name in moved)
        yield "Units", f"{units.back_ordered} back-ordered: {counts}"
        if promise := state.promise:
            yield "Promise", f"{time(promise.p50)}, p90 {time(promise.p90)}"
            yield "First promise", f"{time(promise.first_p50)}, moved {promise.revisions} times"
        if state.due_at:
            yield "Due", time(state.due_at)
        if state.need_by:
            yield "Needed by", time(state.need_by)

    def next_step(self, state: BackOrder) -> str:
        """Nothing: the team decides."""
        del state
        return ""


def _short(state: BackOrder) -> str:
    later = "" if state.promise else " We will write again as soon as we know when."
    return f"{_pieces(state.quantity.waiting, state.quantity.ordered)} not in stock yet.{later}"


def _overdue(state: BackOrder) -> str:
    missing = state.quantity.back_ordered - state.quantity.shipped - state.quantity.cancelled
    return f"The date that you asked for has passed, and {_pieces(missing)} still missing. We are sorry."


def _done(state: BackOrder) -> str:
    cancelled = state.quantity.cancelled
    rest = f" {_pieces(cancelled)} cancelled, or coming from another location." if cancelled else ""
    return f"All that was missing has been sent: {state.quantity.shipped} in all.{rest}"


def _cancelled(state: BackOrder) -> str:
    return f"{_pieces(state.quantity.cancelled)} cancelled."


def _too_late(state: BackOrder) -> str:
    units = state.refused.units if state.refused else 0
    what = _pieces(units) if units else "Some of what was to be cancelled is"
    return f"{what} already being shipped, or shipped, and can no longer be cancelled."


def _pieces(count: int, of: int | None = None) -> str:
    """A count with its verb: `1 piece is`, `3 of 4 pieces are`."""
    total = of if of is not None else count
    amount = str(count) if of is None else f"{count} of {of}"
    return f"{amount} {'piece' if total == 1 else 'pieces'} {'is' if count == 1 else 'are'}"


_SAYINGS: Final[Mapping[str, Callable[[BackOrder], str]]] = {
    "back-order.opened": _short,
    "back-order.increased": _short,
    "back-order.breached": _overdue,
    "back-order.held": lambda _: "This line is on hold: nothing more of it is sent until the hold is lifted.",
    "back-order.resumed": lambda _: "This line is no longer on hold.",
    "back-order.released": lambda s: f"{_pieces(s.quantity.released)} being made ready to ship.",
    "back-order.shipped": lambda s: f"{_pieces(s.quantity.shipped, s.quantity.back_ordered)} on the way to you.",
    "back-order.completed": _done,
    "back-order.cancelled": _cancelled,
    "back-order.partly-cancelled": _cancelled,
    "back-order.cancel-refused": _too_late,
    "back-order.rerouted": lambda _: "The missing pieces will come from another location. We will write again.",
}
