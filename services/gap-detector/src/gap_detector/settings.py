"""What the gap-detector reads from its environment, on top of what every service reads."""

from datetime import timedelta

from pydantic import BaseModel, Field

from backorder_runtime.settings import Settings


class KeepSettings(BaseModel, frozen=True):
    """`BACKORDER_KEEP__*`: how long something is kept, in days. What they mean is in docs/adr/0012.

    `closed_lines_days`: so long an order line that is closed stays whole; longer than the topics keep their records.
    `repeats_days`: so long an order, a cancellation or a shipment is known again when it is published again.
    """

    closed_lines_days: float = Field(default=30, gt=0)
    repeats_days: float = Field(default=400, gt=0)

    @property
    def closed_lines(self) -> timedelta:
        """The same as a time."""
        return timedelta(days=self.closed_lines_days)

    @property
    def repeats(self) -> timedelta:
        """The same as a time; never shorter than a line stays whole."""
        return timedelta(days=max(self.repeats_days, self.closed_lines_days))


class GapSettings(Settings):
    """Everything the gap-detector reads."""

    keep: KeepSettings = KeepSettings()
