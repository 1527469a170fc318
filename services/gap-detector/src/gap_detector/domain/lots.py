"""Which delivery brought which units: a list of lots, oldest first, one per delivery as the queue has it."""

from itertools import starmap

from backorder_contracts.internal import Lot

Lots = tuple[Lot, ...]


def add(lots: Lots, delivery_id: str, units: int) -> Lots:
    """The lots with more units of a delivery, in its lot if it has one: a lot for each receipt would be very many."""
    sums: dict[str, int] = {}
    for lot in (*lots, Lot(delivery_id, units)):
        sums[lot.delivery_id] = sums.get(lot.delivery_id, 0) + lot.units
    return tuple(starmap(Lot, sums.items()))


def take(lots: Lots, units: int) -> tuple[Lots, Lots]:
    """At most `units` from the oldest lots, and what is left."""
    taken: list[Lot] = []
    for place, lot in enumerate(lots):
        if units < lot.units:
            if units > 0:
                taken.append(Lot(lot.delivery_id, units))
                return tuple(taken), (Lot(lot.delivery_id, lot.units - units), *lots[place + 1 :])
            return tuple(taken), lots[place:]
        taken.append(lot)
        units -= lot.units
    return tuple(taken), ()


def trim(lots: Lots, units: int) -> Lots:
    """The newest lots, `units` in all at most."""
    return take(lots, sum(lot.units for lot in lots) - units)[1] if lots else lots
