"""Who hears of what: the one place where that is decided. The README shows this table to people."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from notifier.domain.model import Audience, BackOrder, Channel, Kind


@dataclass(frozen=True, slots=True)
class Rule:
    """An audience hears of an event through these channels, when the condition holds."""

    audience: Audience
    channels: tuple[Channel, ...]
    when: Callable[[BackOrder], bool]


@dataclass(frozen=True, slots=True)
class Entry:
    """What an event type is about, and who hears of it."""

    kind: Kind
    rules: tuple[Rule, ...]


def always(_: BackOrder) -> bool:
    """Whatever the state."""
    return True


def machine_down(state: BackOrder) -> bool:
    """A machine stands still until the part comes."""
    return state.service_impact == "down"


def was_promised(state: BackOrder) -> bool:
    """A date has been given."""
    return state.promise is not None


def needed_by(state: BackOrder) -> bool:
    """The customer named a date."""
    return state.need_by is not None


_MAIL: Final = (Channel.EMAIL,)
_PUSH: Final = (Channel.PUSH,)
_BOTH: Final = (Channel.EMAIL, Channel.PUSH)


def _customer(channels: tuple[Channel, ...], when: Callable[[BackOrder], bool] = always) -> Rule:
    return Rule(Audience.CUSTOMER, channels, when)


def _team(channels: tuple[Channel, ...], when: Callable[[BackOrder], bool] = always) -> Rule:
    return Rule(Audience.TEAM, channels, when)


TABLE: Final[Mapping[str, Entry]] = MappingProxyType(
    {
        "back-order.opened": Entry(Kind.DELAY, (_customer(_BOTH), _team(_BOTH, machine_down))),
        "back-order.increased": Entry(Kind.DELAY, (_customer(_BOTH), _team(_BOTH, machine_down))),
        "back-order.promised": Entry(Kind.DELAY, (_customer(_BOTH), _team(_MAIL, machine_down))),
        "back-order.revoked": Entry(Kind.DELAY, (_team(_MAIL, was_promised),)),
        "back-order.at-risk": Entry(Kind.DELAY, (_team(_BOTH),)),
        "back-order.breached": Entry(Kind.DELAY, (_customer(_MAIL, needed_by), _team(_BOTH))),
        "back-order.held": Entry(Kind.DELAY, (_customer(_MAIL),)),
        "back-order.resumed": Entry(Kind.DELAY, (_customer(_MAIL),)),
        "back-order.released": Entry(Kind.PROGRESS, (_customer(_PUSH),)),
        "back-order.shipped": Entry(Kind.PROGRESS, (_customer(_BOTH),)),
        "back-order.completed": Entry(Kind.END, (_customer(_BOTH), _team(_MAIL, machine_down))),
        "back-order.cancelled": Entry(Kind.ANSWER, (_customer(_MAIL), _team(_MAIL, machine_down))),
        "back-order.cancel-refused": Entry(Kind.ANSWER, (_customer(_MAIL),)),
        "back-order.rerouted": Entry(Kind.END, (_customer(_MAIL),)),
        # silent: prioritised and allocated come and go, command-refused answers the one who asked
        "back-order.prioritised": Entry(Kind.PROGRESS, ()),
        "back-order.allocated": Entry(Kind.PROGRESS, ()),
        "back-order.command-refused": Entry(Kind.ANSWER, ()),
    }
)


def rules(event_type: str, state: BackOrder) -> tuple[Rule, ...]:
    """The rules that hold for an event; none for a type that is not known."""
    entry = TABLE.get(event_type)
    return tuple(rule for rule in entry.rules if rule.when(state)) if entry else ()


def kind_of(event_type: str, state: BackOrder) -> Kind:
    """What an event is about; a cancellation of all that was left is an end, not only an answer."""
    kind = TABLE[event_type].kind
    return Kind.END if kind is Kind.ANSWER and event_type == "back-order.cancelled" and state.closed else kind


def replaced(kind: Kind, channel: Channel) -> tuple[tuple[Channel, Kind], ...]:
    """Which older news about the same back order is needless once this is told, by channel and kind.

    Every message shows the whole state, so newer news of a kind replaces older news of that kind. An end replaces
    delay and progress, on the other channel too, where it may not be told. An answer stands for itself.
    """
    match kind:
        case Kind.DELAY | Kind.PROGRESS:
            return ((channel, kind),)
        case Kind.END:
            return tuple((way, old) for way in _BOTH for old in (Kind.DELAY, Kind.PROGRESS))
        case Kind.ANSWER:
            return ()
