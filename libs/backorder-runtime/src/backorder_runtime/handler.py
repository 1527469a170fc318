"""What a service says about its events; how they are read, fenced, stored and published is the engine's part."""

from collections.abc import Sequence
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from msgspec import Struct

from backorder_contracts.internal import Origin
from backorder_runtime.asking import Asking
from backorder_runtime.record import Effect, Message, Record, Timer

E = TypeVar("E")
F = TypeVar("F")


class Intake(Protocol):
    """Turns public records into records of the lanes. Stateless; runs at least once per record."""

    @property
    def topics(self) -> tuple[str, ...]:
        """The public topics it reads."""
        ...

    def translate(self, record: Record) -> Sequence[Message]:
        """The lane records that this record becomes. Raises `Refused` for a dead letter."""
        ...


class Arrived(Struct, Generic[E], frozen=True, gc=False):
    """One input of a lane; `origin` and `index` say where it stands, for handlers that write down what they did."""

    lane: str
    event: E
    origin: Origin | None = None
    index: int | None = None


class LaneHandler(Protocol[E, F]):
    """The lanes of one shard. The engine owns it alone and calls it from one task.

    Per batch, inside one transaction: `load`, then for each input `decide` and `evolve`, then `save`. It asks the
    database only by what `load` and `save` yield: see `asking`. State that it keeps in memory is dropped, with the
    handler, whenever a batch does not commit.
    """

    def decode(self, record: Record) -> Arrived[E] | None:
        """What a record says, or None when it is no business of ours. Raises `Refused` for a dead letter."""
        ...

    def on_timer(self, timer: Timer) -> Arrived[E]:
        """The input that a timer stands for."""
        ...

    def load(self, arrived: Sequence[Arrived[E]]) -> Asking[None]:
        """Bring into memory what these inputs may need: one statement per table."""
        ...

    def spread(self, arrived: Arrived[E], kept_for: str | None) -> Sequence[Arrived[E]]:
        """The inputs of single lanes that one input stands for; mostly itself.

        It may have been `kept_for` a lane that was stopped: then only that lane's part is wanted, which was not
        decided, even if the others were.
        """
        ...

    def decide(self, arrived: Arrived[E], now: datetime) -> Sequence[F]:
        """What follows. Changes nothing; an exception parks the lane of this input."""
        ...

    def evolve(self, arrived: Arrived[E], facts: Sequence[F], now: datetime) -> Sequence[Effect]:
        """Write the facts into the state and say what to publish. After an exception the state is dropped."""
        ...

    def save(self) -> Asking[None]:
        """Store what changed since `load`: one statement per table."""
        ...
