"""What leaves the ledger's tables, and when."""

from datetime import timedelta

from backorder_runtime import queries
from backorder_runtime.retention import Rule
from gap_detector.settings import KeepSettings

_SQL = queries.load("gap_detector", "retention.sql")


def shard_rules(keep: KeepSettings) -> tuple[Rule, ...]:
    """Lines: a batch may be about to change one, so they go under the fence of their shard."""
    return (
        Rule(None, _SQL["note_closed_lines"], timedelta()),
        Rule("line", _SQL["close_lines"], keep.closed_lines),
        Rule("line", _SQL["forget_early_shipments"], keep.closed_lines),
        Rule("line", _SQL["forget_stray_shipments"], keep.repeats),
    )


def table_rules(keep: KeepSettings) -> tuple[Rule, ...]:
    """What is only kept to know something again."""
    return (
        Rule("past_line", _SQL["forget_past_lines"], keep.repeats),
        Rule("cancellation", _SQL["forget_cancellations"], keep.repeats),
    )
