"""What leaves the warehouse of a business under test: during the run, and all of it at the end."""

from collections.abc import Mapping

from backorder_runtime.outbox import Wire
from e2e_support.business import Business
from e2e_support.system import System
from e2e_support.warehouse import Key
from e2e_support.watching import covered

_ROUNDS = 6


def shipments(
    business: Business,
    released: Mapping[Key, int],
    cover: Mapping[Key, int],
    most: int | None = None,
    *,
    careful: bool = False,
) -> list[Wire]:
    """What may leave now of the lines in `cover`, from `most` lanes.

    `careful`: the cover of a line stays where a cancellation of it may be on its way.
    """
    allowed = {
        key: released.get(key, 0) + (0 if careful and business.lines[key].asked is not None else units)
        for key, units in cover.items()
    }
    lane_of = {key: business.lines[key].lane for key in allowed}
    quantity = {key: business.lines[key].quantity for key in allowed}
    return business.publish_shipments(business.warehouse.picks(lane_of, quantity, allowed)[:most])


async def ship_everything(system: System, business: Business, released: Mapping[Key, int]) -> None:
    """Stock for everybody comes in; what is released and covered leaves, until nothing is left."""
    for _ in range(_ROUNDS):
        await system.publish_wires(business.receive_all_that_lacks())
        await system.until_rest(120)
        wires = shipments(business, released, await covered(system) or {})
        if not wires:
            await system.until(lambda: _nobody_waits_for_news(system))
            await system.until_rest(60)
            return
        await system.publish_wires(wires)
        await system.until_rest(120)
    raise AssertionError(f"there is still something to ship after {_ROUNDS} rounds")


async def _nobody_waits_for_news(system: System) -> bool:
    return not await system.query("SELECT 1 FROM notifier.notification WHERE finished_at IS NULL LIMIT 1")
