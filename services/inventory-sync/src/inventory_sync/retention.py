"""What leaves the supply's tables, and when. No cache relies on it: in memory a lane has its open deliveries only."""

from datetime import timedelta

from backorder_runtime import queries
from backorder_runtime.retention import Rule
from inventory_sync.settings import KeepSettings

_SQL = queries.load("inventory_sync", "retention.sql")


def table_rules(keep: KeepSettings) -> tuple[Rule, ...]:
    """Versions that were taken long ago, and deliveries of which nothing more is to come."""
    return (
        Rule("stock_version", _SQL["forget_versions"], timedelta(days=keep.versions_days)),
        Rule(None, _SQL["note_closed_deliveries"], timedelta()),
        Rule("delivery", _SQL["forget_deliveries"], timedelta(days=keep.repeats_days)),
    )
