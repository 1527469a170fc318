"""How one try to deliver a message can end, whatever the channel. Ends are values; codes never hold an address."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol, TypeAlias

from notifier.domain.compose import Letter
from notifier.domain.model import Channel
from notifier.store import Leased


@dataclass(frozen=True, slots=True)
class Sent:
    """The provider has taken it."""


@dataclass(frozen=True, slots=True)
class TryAgain:
    """It was not taken, and may be later; `after` is what the provider asked to wait."""

    reason: str
    after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """It will never be taken. `bounced`: the address was refused; `gone`: the address does not exist any more."""

    reason: str
    bounced: bool = False
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Unsure:
    """Nobody knows whether it was taken: the connection broke after the step that cannot be taken back."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unavailable:
    """The provider takes nothing from anybody now; nothing was sent."""

    reason: str


@dataclass(frozen=True, slots=True)
class LeaseLost:
    """Another sender has the message now; nothing was sent."""


Delivery: TypeAlias = Sent | TryAgain | Rejected | Unsure | Unavailable | LeaseLost

Enter: TypeAlias = Callable[[], Awaitable[bool]]
"""To be awaited right before the step that cannot be taken back; False forbids it."""


class Transport(Protocol):
    """One way to deliver. Used by one task only, so that no connection is shared."""

    channel: Channel

    async def deliver(self, message: Leased, address: str, letter: Letter, enter: Enter) -> Delivery:
        """Try once. Raises nothing that a provider, a network or an address can cause."""
        ...

    async def rest(self) -> None:
        """Let go of connections while there is nothing to do."""
        ...
