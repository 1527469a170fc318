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
        reads: the schemas that its role may read. Such a service has none of its own, and nothing to migrate.
        nice: how readily it leaves the cores to others (ADR 26): a customer waits for the answer of the gap-detector,
            and that for broker and database.
    """

    name: str
    module: str
    sends: bool = False
    reads: tuple[str, ...] = ()
    nice: int = 10


SERVICES = (
    Service("inventory-sync", "inventory_sync"),
    Service("gap-detector", "gap_detector", nice=0),
    Service("priority-router", "priority_router"),
    Service("notifier", "notifier", sends=True),
    Service("auditor", "auditor", reads=("gap_detector", "priority_router")),
)

ROLES = tuple(service.module for service in SERVICES if not service.reads)
"""Roles that own a schema of the same name."""

READERS = {service.module: service.reads for service in SERVICES if service.reads}
"""Roles that own nothing and may read these schemas."""
