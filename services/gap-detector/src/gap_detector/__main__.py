"""The gap-detector as a process."""

from backorder_runtime.service import Running, Service, main
from backorder_runtime.settings import Settings
from gap_detector.handlers import TOPICS, GapLedger
from gap_detector.intake import OrderIntake


def new_ledger(shard: int, running: Running) -> GapLedger:
    """The ledger of a shard that was just claimed."""
    return GapLedger(shard, running.settings.engine.cached_lanes)


SERVICE = Service(
    name="gap-detector", module="gap_detector", topics=TOPICS, new_handler=new_ledger, intake=OrderIntake()
)

if __name__ == "__main__":
    main(SERVICE, Settings())
