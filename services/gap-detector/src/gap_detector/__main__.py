"""The gap-detector as a process."""

from backorder_runtime.service import Running, Service, main
from gap_detector import retention
from gap_detector.handlers import READERS, TOPICS, GapLedger
from gap_detector.intake import OrderIntake
from gap_detector.settings import GapSettings


def new_ledger(shard: int, running: Running) -> GapLedger:
    """The ledger of a shard that was just claimed."""
    return GapLedger(shard, running.settings.engine.cached_lanes)


def service(settings: GapSettings) -> Service:
    """The service: an intake for orders and cancellations, and the ledger of the lanes."""
    return Service(
        name="gap-detector",
        module="gap_detector",
        topics=TOPICS,
        new_handler=new_ledger,
        intake=OrderIntake(),
        shard_rules=retention.shard_rules(settings.keep),
        table_rules=retention.table_rules(settings.keep),
        readers=READERS,
    )


if __name__ == "__main__":
    settings = GapSettings()
    main(service(settings), settings)
