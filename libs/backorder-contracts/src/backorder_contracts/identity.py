"""Identities that everybody derives in the same way."""

from hashlib import blake2b


def lane(part_id: str, location_id: str) -> str:
    """The lane of a part at a location, as it is written in keys: `part_id@location_id`.

    An identifier that itself contains `@` or `%` has these written `%40` and `%25`: otherwise two lanes
    could share a name, and then their stock.
    """
    if "@" in part_id or "%" in part_id or "@" in location_id or "%" in location_id:
        return f"{_escaped(part_id)}@{_escaped(location_id)}"
    return f"{part_id}@{location_id}"


def parts_of(lane_name: str) -> tuple[str, str]:
    """The part and the location of a lane. Raises ValueError when the name is none that `lane` writes."""
    part_id, at, location_id = lane_name.partition("@")
    if not at or "@" in location_id:
        raise ValueError(f"{lane_name!r} is no lane: expected part_id@location_id")
    return _plain(part_id), _plain(location_id)


def _plain(escaped: str) -> str:
    return escaped.replace("%40", "@").replace("%25", "%")


def _escaped(identifier: str) -> str:
    return identifier.replace("%", "%25").replace("@", "%40")


def back_order_id(order_id: str, line_id: str, part_id: str, location_id: str) -> str:
    """The identity of the back order that an order line has in a lane: the same wherever it is derived.

    The parts are joined by a character that no identifier may contain, so no two lines share one.
    """
    name = f"{order_id}\x1f{line_id}\x1f{part_id}\x1f{location_id}"
    return "BO-" + blake2b(name.encode(), digest_size=12).hexdigest()
