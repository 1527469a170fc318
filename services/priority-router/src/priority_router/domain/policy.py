"""What the business wants of a queue: bands, their strategies, how steady promises are, when units are released."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias

from backorder_contracts.internal import LineDetail

Field: TypeAlias = str | int | float
Classify: TypeAlias = Callable[[dict[str, Field]], int]
LATEST = datetime(9999, 1, 1, tzinfo=UTC)
"""No date is later than the midnight that ends the last day that an order may name."""


class Strategy(StrEnum):
    """What the lines of a band may do to the lines of lower bands.

    `win` takes unreleased units from `fill` lines of lower bands; `gain` takes from nobody and loses to
    nobody; `fill` takes what is left and may lose it to a `win`. When stock is lost, rank alone decides.
    """

    WIN = "win"
    GAIN = "gain"
    FILL = "fill"


@dataclass(frozen=True, slots=True)
class Band:
    """A priority class. `target` gives a due date to lines whose customer named none.

    Units of a `manual` band wait for a release command.
    """

    name: str
    target: timedelta
    strategy: Strategy
    manual: bool = False


@dataclass(frozen=True, slots=True)
class Policy:
    """One version of the rules. `classify` maps the facts of a line to the index of its band; it never fails.

    A promise is published anew when it moved by more than `tolerance`. A line whose promise was made worse by
    overtaking `max_worsened` times keeps the units set aside for it. Allocated units are released after
    `release_debounce`; promises are reckoned `promise_debounce` after something that may move them.
    """

    version: str
    bands: tuple[Band, ...]
    classify: Classify
    tolerance: timedelta = timedelta(hours=12)
    max_worsened: int = 1
    release_debounce: timedelta = timedelta(seconds=2)
    promise_debounce: timedelta = timedelta(seconds=1)

    def band_named(self, name: str) -> int | None:
        """The index of the band of that name."""
        return next((i for i, band in enumerate(self.bands) if band.name == name), None)

    def strategy(self, band: int) -> Strategy:
        """The strategy of a band; `fill` for one that the policy no longer has.

        That happens only between the adoption of a policy and the ranking of the last line by it.
        """
        return self.bands[band].strategy if band < len(self.bands) else Strategy.FILL

    def due_at(self, line: LineDetail, band: int) -> datetime:
        """When the customer should have the units: what they asked for, or what the band aims at."""
        if line.need_by is not None:
            return line.need_by
        target = self.bands[band].target
        return line.placed_at + target if LATEST - line.placed_at > target else LATEST


def line_facts(line: LineDetail) -> dict[str, Field]:
    """What a condition of the policy may ask about a line.

    A line without a `unit_value` counts as worth nothing, so that every condition has an answer.
    """
    unit_value = Decimal(line.unit_value) if line.unit_value is not None else Decimal(0)
    return {
        "tier": line.tier,
        "service_impact": line.service_impact,
        "ship_policy": line.ship_policy,
        "quantity": line.quantity,
        "unit_value": float(unit_value),
        "value": float(unit_value * line.quantity),
        "customer_id": line.customer_id,
        "part_id": line.part_id,
        "location_id": line.location_id,
    }
