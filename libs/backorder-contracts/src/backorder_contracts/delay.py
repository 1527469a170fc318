"""`delay-pattern`: recurring bottlenecks that were found in the past."""

from typing import Annotated, ClassVar

from pydantic import Field

from backorder_contracts.fields import Identifier, Name, Published, Text, Time, open_values


class Window(Published):
    """The time that the evidence comes from: from `start` up to, not including, `end`."""

    start: Time
    """Its beginning."""
    end: Time
    """Its end."""


class Evidence(Published):
    """The numbers that the finding rests on."""

    observed: Annotated[int, Field(ge=0)]
    """How many deliveries or back orders were looked at."""
    affected: Annotated[int, Field(ge=0)]
    """How many of them were late."""
    median_delay_seconds: Annotated[int, Field(ge=0)] | None = None
    """How late half of the late ones were at most."""
    p90_delay_seconds: Annotated[int, Field(ge=0)] | None = None
    """How late nine of ten of the late ones were at most."""
    examples: Annotated[tuple[Identifier, ...], Field(strict=False, max_length=20)] = ()
    """Some of them: delivery or back-order ids."""


class DelayPattern(Published):
    """A bottleneck that comes again and again; the same `pattern_id` again brings it up to date."""

    ce_type: ClassVar[str] = "delay.pattern"

    pattern_id: Identifier
    """The pattern."""
    kind: Annotated[Name, open_values("supplier-late", "part-short", "location-short", "weekday", "season")]
    """What sort of bottleneck. Tolerate others."""
    status: Annotated[Name, open_values("active", "ended")]
    """Whether it still goes on. Tolerate others."""
    supplier_id: Identifier | None = None
    """The supplier concerned; null: not about one."""
    part_id: Identifier | None = None
    """The part concerned; null: not about one."""
    location_id: Identifier | None = None
    """The location concerned; null: not about one."""
    window: Window
    """The time looked at."""
    evidence: Evidence
    """What was seen in it."""
    detail: Text
    """The finding in a sentence."""
    found_at: Time
    """When it was found."""
