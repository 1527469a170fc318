"""What went through the topics, read once at rest, and which inputs came more than once."""

import json
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Any

from e2e_support.business import REASON
from e2e_support.system import System

Place = tuple[bytes, bytes, bytes]  # topic, partition, offset: as a dead letter names them
INPUTS = ("order-placed", "order-cancelled", "stock-changed", "supplier-delivery", "back-order-command")
OUTPUTS = (
    "back-order-state",
    "back-order-snapshot",
    "supply",
    "notification-outcome",
    "back-order-queue",
    "back-order-need",
    "order-line",
    "queue-command",
)
SERVICES = ("inventory-sync", "gap-detector", "priority-router", "notifier")


@dataclass(frozen=True)
class Came:
    """An input: when it came first (seconds since 1970), and which records repeated it later."""

    at: float | None = None
    again: tuple[Place, ...] = ()


NEVER = Came()


@dataclass
class Topics:
    """Everything that was published."""

    inputs: dict[str, list[Any]]
    outputs: dict[str, list[Any]]
    letters: dict[str, list[Any]]

    @staticmethod
    async def read(system: System) -> "Topics":
        return Topics(
            {topic: await system.read(topic) for topic in INPUTS},
            {topic: await system.read(topic) for topic in OUTPUTS},
            {service: await system.read(f"{service}.dead-letter") for service in SERVICES},
        )

    def came(self, topic: str, name: Callable[[dict[str, Any]], Hashable]) -> dict[Any, Came]:
        """The good inputs of a topic, by what `name` makes of their content."""
        return came(self.inputs[topic], lambda record: name(json.loads(record.value)))

    def events_of_back_orders(self) -> str:
        """How many there are, and how many more records that repeat one."""
        events = self.outputs["back-order-state"]
        distinct = len({dict(record.headers)["ce_id"] for record in events})
        return f"{distinct} events of back orders ({len(events) - distinct} repeated)"


def came(records: Iterable[Any], name: Callable[[Any], Hashable]) -> dict[Any, Came]:
    """The good inputs by name; those with one name are one input and its repetitions."""
    found: dict[Hashable, list[Any]] = defaultdict(list)
    for record in records:
        if REASON not in dict(record.headers):  # such are never repeated, and may look alike
            found[name(record)].append(record)
    return {each: _first_and_others(alike) for each, alike in found.items()}


def place_of(record: Any) -> Place:
    """Where it stands."""
    return record.topic.encode(), str(record.partition).encode(), str(record.offset).encode()


def _first_and_others(alike: list[Any]) -> Came:
    first, *others = sorted(alike, key=lambda record: record.timestamp)  # they came under different keys
    return Came(first.timestamp / 1000, tuple(map(place_of, others)))
