"""What the auditor exports beside what every process does. Labels never contain ids."""

from prometheus_client import Gauge, Histogram

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900)

DRIFTING_LANES = Gauge("backorder_audit_drifting_lanes", "Lanes whose two ledgers contradict each other")
LANES_CHECKED = Gauge("backorder_audit_lanes_checked", "Lanes that the last audit compared")
LANES_IN_FLIGHT = Gauge("backorder_audit_lanes_in_flight", "Lanes that it left out: messages were under way")
LAST_SUCCESS = Gauge("backorder_audit_last_success_timestamp_seconds", "When the last audit came to an end")
SECONDS = Histogram("backorder_audit_seconds", "Time that an audit took", buckets=_SECONDS)
