"""What leaves the notifier's tables, and when."""

from datetime import timedelta

from backorder_runtime import queries
from backorder_runtime.retention import Rule
from notifier.settings import NotifySettings

_SQL = queries.load("notifier", "retention.sql")


def table_rules(settings: NotifySettings) -> tuple[Rule, ...]:
    """Notifications whose end was published, back orders that ended, waits that nobody waits for."""
    retention = timedelta(seconds=settings.retention)
    return (
        Rule("notification", _SQL["forget_notifications"], retention),
        Rule("message", _SQL["forget_waits"], timedelta()),
        Rule("back_order", _SQL["forget_back_orders"], retention),
    )
