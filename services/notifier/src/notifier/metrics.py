"""Every metric of the notifier. Labels never contain ids or addresses."""

from prometheus_client import Counter, Gauge, Histogram

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_DELAYS = (0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3_600, 14_400, 86_400, 172_800)

SENT = Counter("backorder_notifier_sent", "Notifications by what became of them", ["channel", "result"])
MESSAGES = Counter("backorder_notifier_messages", "Tries to send a message, by how they ended", ["channel", "end"])
AMBIGUOUS = Counter(
    "backorder_notifier_ambiguous", "Messages sent again because nobody knows whether they went out", ["channel"]
)
PENDING = Gauge("backorder_notifier_pending", "Notifications that wait to be sent", ["channel"])
OLDEST = Gauge("backorder_notifier_oldest_pending_seconds", "Age of the oldest of them", ["channel"])
UNDER_WAY = Gauge("backorder_notifier_under_way", "Messages that a sender holds", ["channel"])
SEND_SECONDS = Histogram("backorder_notifier_send_seconds", "Time one try to send takes", ["channel"], buckets=_SECONDS)
DELAY_SECONDS = Histogram(
    "backorder_notifier_cause_to_sent_seconds",
    "Time from the event to its sent notification",
    ["channel"],
    buckets=_DELAYS,
)
GAPS = Counter("backorder_notifier_version_gaps", "State events that did not follow the version seen before")
