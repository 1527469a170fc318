"""Every input has its effect once, or stands in a dead letter with the right reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from backorder_dev.demo.account import Account
from backorder_dev.demo.checks.finding import Finding, all_of, number
from backorder_dev.demo.found import Found


def check(account: Account, found: Found) -> Iterator[Finding]:
    """Dead letters, stock records, deliveries."""
    yield _letters(account, found)
    yield _stock(account, found)
    yield _levels(account, found)
    yield _deliveries(account, found)


def _letters(account: Account, found: Found) -> Finding:
    letters = [
        (_origin(event.letter), (event.topic.removesuffix(".dead-letter"), event.letter.get("reason", "no reason")))
        for event in found.letters
    ]
    there = dict(letters)
    wrong = [f"not refused: {place} {why}" for place, why in account.refused.items() if place not in there]
    wrong += [f"refused: {place} {why}" for place, why in there.items() if account.refused.get(place) != why]
    wrong += ["a dead letter stands there twice"] if len(letters) > len(there) else []
    return number("bad records and contradictions in the dead letters", len(account.refused), len(letters), wrong)


def _origin(letter: Mapping[str, str]) -> tuple[str, int, int]:
    """Where a dead letter says that its record stood; a place that is none when it does not say."""
    try:
        return (letter["topic"], int(letter["partition"]), int(letter["offset"]))
    except (KeyError, ValueError):
        return ("unknown", -1, -1)


def _stock(account: Account, found: Found) -> Finding:
    published = {(where, version) for where, versions in account.stock_records.items() for version in versions}
    moved = {
        (where, version): sum(bool(event["moved"]) for event in events)
        for where, versions in found.positions.items()
        for version, events in versions.items()
    }
    wrong = [f"{where}/{version}" for where, version in published if moved.get((where, version)) != 1]
    wrong += [f"{where}/{version}" for where, version in moved if (where, version) not in published]
    return number("stock records that moved a level once", len(published), len(published) - len(wrong), sorted(wrong))


def _levels(account: Account, found: Found) -> Finding:
    wrong = []
    for where, level in account.levels.items():
        versions = found.positions.get(where) or {0: []}
        newest = max(versions)
        last = versions[newest][0]["on_hand"] if versions[newest] else None
        if (newest, last) != (level.version, level.on_hand):
            wrong.append(f"{where}: {last} at {newest} instead of {level.on_hand} at {level.version}")
    return all_of("lanes whose stock level is right", len(account.levels), wrong)


def _deliveries(account: Account, found: Found) -> Finding:
    expected = account.open_deliveries()
    known = {
        delivery["delivery_id"]: delivery["open_quantity"]
        for deliveries in found.inbound.values()
        for delivery in deliveries
    }
    wrong = [
        f"{name}: {known.get(name)} instead of {units}" for name, units in expected.items() if known.get(name) != units
    ]
    wrong += [f"{name} is not open any more" for name in known.keys() - expected.keys()]
    return number("deliveries still to come", len(expected), len(known), sorted(wrong))
