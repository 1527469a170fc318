"""How this installation judges its supply: read once from `BACKORDER_*`, on top of what every service reads."""

from dataclasses import replace
from datetime import timedelta

from pydantic import BaseModel, Field

from backorder_runtime.settings import EngineSettings, Settings
from inventory_sync.domain.model import Rules

_DAY = 86_400


class SupplySettings(BaseModel, frozen=True):
    """`BACKORDER_SUPPLY__*`. All times are in seconds.

    `grace`: how long the supplier feed and the stock feed may tell different stories about a delivery before
    people hear of it. `margin`: from the date that a supplier promises (p50) to the cautious one (p90).
    `receipts_named`: whether stock records of receipts name their delivery; if they never do, a received
    delivery that no stock record names is nothing unusual.
    """

    grace: float = Field(default=3_600, ge=0, le=30 * _DAY)
    margin: float = Field(default=3 * _DAY, ge=0, le=364 * _DAY)
    receipts_named: bool = True

    @property
    def rules(self) -> Rules:
        """The same in the words of the domain."""
        return Rules(timedelta(seconds=self.grace), timedelta(seconds=self.margin), self.receipts_named)


class KeepSettings(BaseModel, frozen=True):
    """`BACKORDER_KEEP__*`: how long something is kept, in days. What they mean is in docs/adr/0012.

    `versions_days`: so late a stock version may come and still count; it must outlast the topics.
    `repeats_days`: so long a closed delivery is known again when a version of it is repeated.
    """

    versions_days: float = Field(default=30, gt=0)
    repeats_days: float = Field(default=400, gt=0)


class InventorySettings(Settings):
    """Everything inventory-sync reads. Its turns are fewer and fuller than the ledger's, see ADR 20."""

    engine: EngineSettings = EngineSettings(pace=0.05)
    supply: SupplySettings = SupplySettings()
    keep: KeepSettings = KeepSettings()

    @property
    def rules(self) -> Rules:
        """What the domain needs to know of all this."""
        return replace(self.supply.rules, kept=timedelta(days=self.keep.versions_days))
