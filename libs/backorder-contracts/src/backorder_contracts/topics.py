"""The topic registry: `topics.yaml`, typed."""

from collections.abc import Mapping
from datetime import timedelta
from importlib.resources import files
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter


def _days(value: Any) -> Any:
    """Reads `14d`."""
    if isinstance(value, str) and value.endswith("d"):
        return timedelta(days=int(value[:-1]))
    return value


class Topic(BaseModel):
    """One topic: who writes and reads it, how it is keyed and kept, and who answers for it.

    Attributes:
        name: the topic's name; no environment prefix.
        direction: `in` (upstream publishes), `out` (we publish) or `internal` (between our services).
        description: what its events say.
        key: what the record key is; `any` where publishers key as they like.
        partitions: a number, or `lane`: the count that all lane-keyed topics share.
        retention: how long records stay; None on a compacted topic.
        publishers: who writes it; one service alone unless more are named.
        consumers: who reads it.
        owner: the team that answers for its content.
        ce_types: the event types on it; empty where it carries no public events of its own.
        max_message_bytes: the largest record, where the broker's default is too small.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    direction: Literal["in", "out", "internal"]
    description: str
    key: str
    partitions: Annotated[int, Field(ge=1)] | Literal["lane"]
    retention: Annotated[timedelta | None, BeforeValidator(_days)]
    publishers: tuple[str, ...] = Field(min_length=1)
    consumers: tuple[str, ...] = Field(min_length=1)
    owner: str
    ce_types: tuple[str, ...]
    max_message_bytes: int | None = None

    @property
    def is_public(self) -> bool:
        """Whether people outside the project may rely on it."""
        return self.direction != "internal"

    @property
    def is_compacted(self) -> bool:
        """Whether it keeps the newest record of every key instead of a time."""
        return self.retention is None

    @property
    def is_dead_letter(self) -> bool:
        """Whether it holds what a service refused."""
        return self.name.endswith(".dead-letter")

    def partition_count(self, lanes: int) -> int:
        """The number of partitions, given how many the lane-keyed topics share."""
        return lanes if self.partitions == "lane" else self.partitions

    @property
    def configuration(self) -> dict[str, str]:
        """The topic's configuration in Kafka's own names."""
        configuration = {"cleanup.policy": "compact"}
        if self.retention is not None:
            milliseconds = self.retention // timedelta(milliseconds=1)
            configuration = {"cleanup.policy": "delete", "retention.ms": str(milliseconds)}
        if self.max_message_bytes is not None:
            configuration["max.message.bytes"] = str(self.max_message_bytes)
        return configuration


def registry_text() -> str:
    """The registry as it is written, comments included."""
    return (files("backorder_contracts") / "topics.yaml").read_text(encoding="utf-8")


def load(text: str) -> Mapping[str, Topic]:
    """Reads a registry.

    Raises:
        pydantic.ValidationError: an entry is incomplete or has a field that does not exist.
    """
    entries = yaml.safe_load(text)
    topics = TypeAdapter(list[Topic]).validate_python([{"name": name, **entry} for name, entry in entries.items()])
    return MappingProxyType({topic.name: topic for topic in topics})


TOPICS: Final[Mapping[str, Topic]] = load(registry_text())


def dead_letter(service: str) -> str:
    """The name of a service's dead-letter topic."""
    return f"{service}.dead-letter"
