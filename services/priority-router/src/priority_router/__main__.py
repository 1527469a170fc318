"""The priority-router as a process."""

import asyncio

from backorder_runtime.service import Running, Service, main
from priority_router import retention
from priority_router.handlers import Router
from priority_router.housekeeping import keep_house
from priority_router.inputs import TOPICS
from priority_router.intake import CommandIntake
from priority_router.metrics import watch_queue
from priority_router.policies import Policies, follow
from priority_router.routes import routes
from priority_router.settings import RouterSettings
from priority_router.snapshot_watch import watch_snapshots


def service(settings: RouterSettings) -> Service:
    """The service; its shards share the policies that this process knows."""
    policies = Policies()

    def new_router(_shard: int, running: Running) -> Router:
        return Router(policies, running.settings.engine.cached_lanes)

    async def follow_policies(running: Running, stop: asyncio.Event) -> None:
        await follow(policies, running, stop)

    return Service(
        name="priority-router",
        module="priority_router",
        topics=TOPICS,
        new_handler=new_router,
        intake=CommandIntake(),
        side_tasks=(follow_policies, watch_queue, keep_house(settings.keep), watch_snapshots),
        shard_rules=retention.shard_rules(settings.keep),
        table_rules=retention.table_rules(settings.keep),
        routes=lambda running: routes(policies, running),
        prepared=policies.known.is_set,
    )


if __name__ == "__main__":
    settings = RouterSettings()
    main(service(settings), settings)
