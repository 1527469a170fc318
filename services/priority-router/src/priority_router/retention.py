"""What leaves the queue's tables, and when."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from backorder_runtime import queries
from backorder_runtime.record import Message
from backorder_runtime.retention import Rule
from priority_router.publish import snapshot
from priority_router.settings import KeepSettings

_SQL = queries.load("priority_router", "retention.sql")


def shard_rules(keep: KeepSettings) -> tuple[Rule, ...]:
    """Back orders that ended, and the commands that were answered about any."""
    repeats = timedelta(days=max(keep.repeats_days, keep.closed_days))
    return (
        Rule("back_order", _SQL["forget_back_orders"], timedelta(days=keep.closed_days), _tombstones),
        Rule("back_order", _SQL["forget_revivable_back_orders"], repeats, _tombstones),
        Rule("command", _SQL["forget_commands"], repeats),
    )


def table_rules(keep: KeepSettings) -> tuple[Rule, ...]:
    """What explains, and what a day can be replayed from."""
    journal = timedelta(days=keep.journal)
    return (
        Rule("decision", _SQL["forget_decisions"], timedelta(days=keep.decisions), recognises=False),
        Rule(None, _SQL["give_up_checkpoints"], journal, recognises=False),
        Rule("checkpoint_back_order", _SQL["forget_checkpoint_back_orders"], journal, recognises=False),
        Rule("checkpoint_lane", _SQL["forget_checkpoint_lanes"], journal, recognises=False),
        Rule("checkpoint", _SQL["forget_checkpoints"], journal, recognises=False),
        Rule("journal", _SQL["forget_journal"], journal, recognises=False),
    )


def _tombstones(rows: Sequence[Any]) -> Sequence[Message]:
    """The newest state of a back order is kept for as long as the back order."""
    return [snapshot(row["back_order_id"], None) for row in rows]
