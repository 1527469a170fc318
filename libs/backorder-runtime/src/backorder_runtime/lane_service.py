"""What the engine needs to know of a service whose lanes it runs."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from backorder_contracts.topics import TOPICS
from backorder_runtime.handler import LaneHandler
from backorder_runtime.inputs import Readers
from backorder_runtime.retention import Rule


@dataclass(frozen=True, slots=True)
class LaneService:
    """Its name, its inputs, a handler for each shard, what it forgets, and whether it may claim shards yet.

    Of inputs that have one of `readers`, bundles are read in one pass.
    """

    name: str
    topics: tuple[str, ...]
    new_handler: Callable[[int], LaneHandler[Any, Any]]
    rules: tuple[Rule, ...] = ()
    prepared: Callable[[], bool] = lambda: True
    readers: Readers = field(default_factory=dict)

    @property
    def sequenced(self) -> frozenset[str]:
        """The topics with one publisher: a record that its relay repeats is known by its sequence."""
        return frozenset(topic for topic in self.topics if len(TOPICS[topic].publishers) == 1)
