"""Identities that everybody derives in the same way."""

from hashlib import blake2b


def lane(part_id: str, location_id: str) -> str:
    """The lane of a part at a location, as it is written in keys: `part_id@location_id`."""
    return f"{part_id}@{location_id}"


def back_order_id(order_id: str, line_id: str, part_id: str, location_id: str) -> str:
    """The identity of the back order that an order line has in a lane: the same wherever it is derived.

    The parts are joined by a character that no identifier may contain, so no two lines share one.
    """
    name = "\x1f".join((order_id, line_id, part_id, location_id))
    return "BO-" + blake2b(name.encode(), digest_size=12).hexdigest()
