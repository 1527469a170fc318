"""The services of the local run, in the order in which they start."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Service:
    """One service: how it is called, and what runs it.

    Attributes:
        name: as people and `.run/endpoints.json` call it.
        module: the Python package; also its database role and schema.
        sends: whether it needs to know the mailbox and the push endpoint.
    """

    name: str
    module: str
    sends: bool = False


SERVICES = (
    Service("inventory-sync", "inventory_sync"),
    Service("gap-detector", "gap_detector"),
    Service("priority-router", "priority_router"),
    Service("notifier", "notifier", sends=True),
)

ROLES = tuple(service.module for service in SERVICES)
