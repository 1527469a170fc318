"""Puts inventory-sync together."""

from backorder_runtime.service import Running, Service
from inventory_sync import retention
from inventory_sync.handlers import Positions
from inventory_sync.intake import ENTRIES, SupplyIntake
from inventory_sync.settings import InventorySettings


def inventory_sync(settings: InventorySettings) -> Service:
    """The service: an intake for both public feeds, and the lanes that keep positions and deliveries."""

    def new_positions(_shard: int, _running: Running) -> Positions:
        return Positions(settings.rules, settings.engine.cached_lanes)

    return Service(
        name="inventory-sync",
        module="inventory_sync",
        topics=(ENTRIES,),
        new_handler=new_positions,
        intake=SupplyIntake(),
        table_rules=retention.table_rules(settings.keep),
    )
