"""`python -m inventory_sync` runs the service; `python -m inventory_sync migrate` prepares its schema."""

from backorder_runtime.service import main
from inventory_sync.bootstrap import inventory_sync
from inventory_sync.settings import InventorySettings

if __name__ == "__main__":
    settings = InventorySettings()
    main(inventory_sync(settings), settings)
