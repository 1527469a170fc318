"""Which supplier delivery units came with. Units that no delivery is known for stand in no lot."""

from typing import TypeAlias

from backorder_contracts.internal import Lot

Lots: TypeAlias = tuple[Lot, ...]


def total(lots: Lots) -> int:
    """How many units stand in lots."""
    return sum(lot.units for lot in lots)


def merge(lots: Lots, more: Lots) -> Lots:
    """Both together, one lot per delivery, oldest first."""
    if not more:
        return lots
    sums = {lot.delivery_id: lot.units for lot in lots}
    for lot in more:
        sums[lot.delivery_id] = sums.get(lot.delivery_id, 0) + lot.units
    return tuple(Lot(delivery_id, units) for delivery_id, units in sums.items() if units > 0)


def less(lots: Lots, gone: Lots) -> Lots:
    """What remains of `lots` without `gone`; never below zero."""
    if not gone:
        return lots
    drop = {lot.delivery_id: lot.units for lot in gone}
    left = ((lot.delivery_id, lot.units - drop.get(lot.delivery_id, 0)) for lot in lots)
    return tuple(Lot(delivery_id, units) for delivery_id, units in left if units > 0)


def oldest(lots: Lots, units: int) -> Lots:
    """The lots of the first `units` units, those of known deliveries before the others."""
    drawn = []
    for lot in lots:
        if units <= 0:
            break
        drawn.append(Lot(lot.delivery_id, min(lot.units, units)))
        units -= lot.units
    return tuple(drawn)


def newest_last_known(lots: Lots, units: int, holding: int) -> Lots:
    """The lots of `units` out of `holding` units that are given up: unknown ones first, then the newest lots."""
    return oldest(lots[::-1], units - (holding - total(lots)))


def fit(lots: Lots, room: int) -> Lots:
    """At most `room` units of lots: the newest are forgotten first."""
    return lots if total(lots) <= room else oldest(lots, room)
