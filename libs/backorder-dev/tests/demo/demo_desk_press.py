"""How the stand-in publishes: as the contract says, one partition per topic."""

from __future__ import annotations

import copy
from collections import Counter

from backorder_contracts.identity import back_order_id
from backorder_dev.demo.papers import stamp
from backorder_dev.demo.records import Event, Evidence, Letter

DAY = 86_400
WHY = {"reason": "arrival", "rule": "rank-order", "rank": 1}
EXTRAS = {
    "allocated": WHY,
    "revoked": WHY,
    "shipped": {"deliveries": []},
    "completed": {"deliveries": [], "durations": {"total": 3}},
}
"""What the contract demands of some events, and nobody here looks at."""


class Press:
    """Keeps what was published as evidence, and what nobody has heard yet."""

    def __init__(self, contacts: dict | None = None):
        self.evidence = Evidence(contacts=contacts or {})
        self.heard: list[Event] = []
        self._offsets: Counter = Counter()
        self._now = 0.0
        self._cause: dict = {}

    def _next(self, topic):
        self._offsets[topic] += 1
        return self._offsets[topic] - 1

    def _publish(self, topic, ce_type, key, data, letter=None):
        offset = self._next(topic)
        event = Event(
            topic, 0, offset, ce_type, f"{topic}.{offset}", key, copy.deepcopy(data), self._now, letter=letter or {}
        )
        self.evidence.events.append(event)
        self.heard.append(event)
        return event

    @staticmethod
    def _need(line):
        return line.back_ordered - line.shipped - line.cancelled

    def _state(self, line, name, **changed):
        line.version += 1
        detail = line.detail
        key = back_order_id(detail["order_id"], detail["line_id"], detail["part_id"], detail["location_id"])
        status = line.closed or ("allocated" if line.allocated else "released" if line.released else "open")
        data = {
            **{each: detail[each] for each in ("order_id", "line_id", "part_id", "location_id", "customer_id", "tier")},
            **{each: detail[each] for each in ("service_impact", "ship_policy")},
            "back_order_id": key,
            "version": line.version,
            "status": status,
            "quantity": {
                "ordered": detail["quantity"],
                "covered": line.covered,
                "back_ordered": line.back_ordered,
                "allocated": line.allocated,
                "released": line.released,
                "shipped": line.shipped,
                "cancelled": line.cancelled,
                "waiting": line.waiting,
            },
            "band": ("machine-down", "key-account", "standard")[line.band] if line.version > 1 else None,
            "placed_at": stamp(line.number),
            "due_at": stamp(line.number + DAY) if line.version > 1 else None,
            "policy_version": "test" if line.version > 1 else None,
            "unit_value": detail["unit_value"],
            "need_by": detail.get("need_by"),
            "rerouted_from": None,
            "opened_at": stamp(line.opened_at),
            "promise": line.promise,
            "supplied_by": [
                {"delivery_id": lot, "quantity": units} for lot, units in (line.lots + line.shipped_lots).items()
            ],
            "cause": dict(self._cause),
            "changed": changed,
            **EXTRAS.get(name, {}),
        }
        event = self._publish("back-order-state", f"back-order.{name}", line.where, data)
        self._publish("back-order-snapshot", "back-order.snapshot", key, data)
        if name in {"opened", "completed"}:
            self._tell(event, detail["customer_id"])

    def _tell(self, event, customer):
        for channel, address in self.evidence.contacts.get(customer, {}).items():
            name = f"{event.id}/{channel}"
            self._publish(
                "notification-outcome",
                "notification.outcome",
                event.key,
                {
                    "notification_id": name,
                    "event_id": event.id,
                    "back_order_id": event.data["back_order_id"],
                    "recipient": customer,
                    "channel": channel,
                    "result": "sent",
                    "message_id": f"<{name}>",
                    "version": event.data["version"],
                    "event_type": event.type,
                    "attempts": 1,
                    "sent_at": stamp(self._now),
                    "caused_at": stamp(self._now),
                    "delay_seconds": 0.0,
                },
            )
            folder = self.evidence.mails if channel == "email" else self.evidence.pushes
            folder.append(Letter(f"{len(folder)}.txt", f"<{name}>", address))
