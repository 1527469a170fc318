"""Why a back order stands where it stands, and what would help: sentences over plain values, no I/O."""

from collections.abc import Callable, Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from priority_router.decisions import Decision
from priority_router.domain.events import Inbound
from priority_router.domain.model import protected
from priority_router.domain.order import BackOrder
from priority_router.domain.policy import Policy
from priority_router.questions import Standing

_RULES = {
    "rank-order": "it was the first line that waited",
    "promise-kept": "others made its promise worse as often as they may, and it rests on these units",
    "win": "its band wins units from fill lines of lower bands",
    "lent": "a line that ships only complete could not be completed and lent them",
    "left-over": "nobody else wanted them",
    "stock-lost": "stock was lost, and this was the last line that held any",
    "held": "it was put on hold",
    "debounced": "they had been set aside for as long as the policy says",
    "command": "a command said so",
}
_LOST = {
    "win": "its band wins units from fill lines of lower bands, such as this one",
    "lent": "this one ships only complete, cannot be completed, and lends its units meanwhile",
}
_OVER = {
    "held": "on hold",
    "cannot-be-completed": "to be shipped only complete, for which there is not enough",
    "promise-kept": "of a better rank, but not promised these units",
}


class Next(Struct, frozen=True, omit_defaults=True):
    """What the back order waits for, and what would help; dates are those of the delivery that would."""

    reason: str
    detail: str
    helps: str
    delivery_id: str | None = None
    p50: datetime | None = None
    p90: datetime | None = None


def next_of(standing: Standing, policy: Policy | None, now: datetime) -> Next | None:
    """What has to happen next; None when the back order ended. What is overdue is expected `now` at the earliest."""
    order = standing.order
    if order.closed:
        return None
    if order.held:
        return Next("held", "It is on hold, and others are served before it.", "A resume command.")
    if order.due_at is None or order.policy_version != standing.policy_version:
        return Next("being-ranked", f"The lane is being ranked by policy {standing.policy_version}.", "Nothing; wait.")
    if order.waiting:
        found = _waiting(standing, order, _room(standing, order, policy))
        return found if found.p50 is None or found.p90 is None else _not_past(found, found.p50, found.p90, now)
    if order.allocated:
        return _set_aside(order, policy)
    return Next("released", f"The warehouse was told to ship {count_of(order.released)}.", "The shipment.")


def _not_past(found: Next, p50: datetime, p90: datetime, now: datetime) -> Next:
    return replace(found, p50=max(p50, now), p90=max(p90, now))


def _set_aside(order: BackOrder, policy: Policy | None) -> Next:
    if policy is not None and policy.bands[order.band].manual:
        detail = f"{count_of(order.allocated)} are set aside; band {order.band_name} waits for a command."
        return Next("manual", detail, "A release command.")
    return Next("debounce", f"{count_of(order.allocated)} are set aside and released in a moment.", "Nothing; wait.")


def _room(standing: Standing, order: BackOrder, policy: Policy | None) -> int | None:
    """How many units others may be given before a line whose promise is protected; None for any other line."""
    if policy is None or order.place is None or not protected(order, policy):
        return None
    given = standing.state.supplied - standing.state.idle
    return max(order.place - given - order.waiting, 0)


def _waiting(standing: Standing, order: BackOrder, room: int | None) -> Next:
    owed = max(-standing.state.idle, 0)
    earlier = standing.units if room is None else min(standing.units, room)
    before = earlier + owed
    if order.lending:
        return _lending(standing, order)
    ahead = (
        f"{count_of(standing.units)} of {_lines(standing.lines)} are served before it"
        if standing.lines
        else "It is the first in line"
    )
    if earlier < standing.units:
        ahead = (
            f"{count_of(standing.units)} of {_lines(standing.lines)} have a better rank, but its promise is protected: "
            f"no more than {count_of(earlier)} of them come first"
        )
    debt = f", and {count_of(owed)} are owed" if owed else ""
    waits = f"{ahead}{debt}; it waits for {count_of(order.waiting)}."
    inbound = sorted(standing.state.inbound, key=lambda d: (d.p50, d.delivery_id))
    found = _brings(inbound, before + order.waiting)
    if found is not None:
        first = _brings(inbound, before + 1)
        part = (
            f"Delivery {first.delivery_id} brings the first of them, delivery {found.delivery_id} the last."
            if first is not None and first is not found
            else f"Delivery {found.delivery_id} brings them."
        )
        return Next("waits-for-delivery", waits, part, found.delivery_id, found.p50, found.p90)
    missing = before + order.waiting - sum(delivery.units for delivery in inbound)
    announced = f"{count_of(sum(d.units for d in inbound))} are announced" if inbound else "No delivery is announced"
    return Next("no-supply", f"{waits} {announced}.", f"{_more(missing)} to be ordered, or a better rank.")


def _lending(standing: Standing, order: BackOrder) -> Next:
    known = sum(delivery.units for delivery in standing.state.inbound)
    claim = order.waiting + order.allocated
    detail = (
        f"It ships only complete and lacks {count_of(order.waiting)} of {claim}; what is known to come "
        f"({count_of(known)}) cannot complete it behind the lines before it, so others may use its units."
    )
    return Next("cannot-complete", detail, f"{_more(max(claim - known, 1))} to be announced, or a better rank.")


def _brings(inbound: Sequence[Inbound], unit: int) -> Inbound | None:
    """The delivery that brings the `unit`-th unit."""
    total = 0
    for delivery in inbound:
        total += delivery.units
        if total >= unit:
            return delivery
    return None


def sentence(decision: Decision) -> str:
    """A decision in one sentence, for a person."""
    said = _SENTENCES.get(decision.kind)
    return said(decision) if said else f"{decision.kind.capitalize()}."


def _allocated(decision: Decision) -> str:
    detail = decision.detail
    taken = f", taken from {detail.taken_from}" if detail.taken_from else ""
    came = f" (from {', '.join(name for name, _ in detail.deliveries)})" if detail.deliveries else ""
    why = f"{_because(decision)}{_passed_over(decision)}"
    return f"{count_of(detail.units)} set aside{came}{_place(decision)}{taken}{why}."


def _passed_over(decision: Decision) -> str:
    detail = decision.detail
    if not detail.passed_over:
        return ""
    groups: dict[str, list[str]] = {}
    for name, _, reason in detail.passed_over:
        groups.setdefault(reason, []).append(name)
    said = [f"{', '.join(names)} ({_OVER.get(reason, reason)})" for reason, names in groups.items()]
    more = detail.passed_over_total - len(detail.passed_over)
    return f"; passed over: {', '.join(said)}" + (f", and {more} more" if more > 0 else "")


def _revoked(decision: Decision) -> str:
    whom = f" for {decision.detail.taken_for}" if decision.detail.taken_for else ""
    why = f": {_LOST[decision.rule]}" if decision.rule in _LOST else _because(decision)
    return f"{count_of(decision.detail.units)} taken back at place {decision.rank or '-'}{whom}{why}."


def _place(decision: Decision) -> str:
    return f" at place {decision.rank}" if decision.rank is not None else ""


def _because(decision: Decision) -> str:
    return f": {_RULES[decision.rule]}" if decision.rule in _RULES else ""


def _who(decision: Decision) -> str:
    return str((decision.detail.command or {}).get("requested_by", "a command"))


def count_of(units: int) -> str:
    """So many units, in words."""
    return "1 unit" if units == 1 else f"{units} units"


def _lines(count: int) -> str:
    return "1 line" if count == 1 else f"{count} lines"


def _more(units: int) -> str:
    return "1 more unit has" if units == 1 else f"{units} more units have"


_SENTENCES: dict[str, Callable[[Decision], str]] = {
    "allocated": _allocated,
    "revoked": _revoked,
    "released": lambda d: f"{count_of(d.detail.units)} released to the warehouse{_because(d)}.",
    "prioritised": lambda d: f"Put into band {d.detail.band}{_place(d)} ({d.detail.reason or 'opened'}).",
    "shipped": lambda d: f"{count_of(d.detail.units)} left the warehouse.",
    "held": lambda d: f"Held by {_who(d)}.",
    "resumed": lambda d: f"Resumed by {_who(d)}.",
    "cancelled": lambda d: f"{count_of(d.detail.units)} cancelled ({d.detail.reason}).",
    "rerouted": lambda d: f"{count_of(d.detail.units)} went on to {d.detail.to_location_id}.",
    "cancel-refused": lambda d: f"{count_of(d.detail.units)} could not be cancelled any more.",
    "command-refused": lambda d: f"Command {(d.detail.command or {}).get('action', '')} refused: {d.detail.reason}.",
}
