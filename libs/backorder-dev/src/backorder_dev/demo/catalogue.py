"""The business that plays: its parts, customers, locations and suppliers. The same for the same seed."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

LOCATIONS = {"W1": 1.0, "W2": 0.5, "W3": 0.25}
"""Location → the share of all parts that it stocks."""

# kinds of parts, by the letters their ids begin with: the values of the cheapest and of the dearest
_KINDS = {
    "BRK": (40, 180),
    "GBX": (300, 2_400),
    "PMP": (120, 900),
    "FLT": (6, 60),
    "BLT": (8, 90),
    "SNS": (20, 240),
    "VLV": (30, 320),
    "MTR": (180, 1_900),
    "BRG": (10, 140),
    "HYD": (12, 110),
}
_TIERS = (("platinum", 8), ("gold", 17), ("silver", 25), ("standard", 50))
_PARTS = 240
_CUSTOMERS = 120
_SUPPLIERS = 12
_ZIPF = 0.9


@dataclass(frozen=True, slots=True)
class Part:
    """A part: what a unit is worth, who supplies it, where it is stocked, and how often it is asked for."""

    part_id: str
    unit_value: str
    supplier_id: str
    locations: tuple[str, ...]
    weight: float


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer and how much their contract weighs."""

    customer_id: str
    tier: str


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Everything that does not change during the play."""

    parts: tuple[Part, ...]
    customers: tuple[Customer, ...]


def make_catalogue(random: Random) -> Catalogue:
    """A few hundred parts, of which few are asked for often and many seldom (Zipf)."""
    kinds = list(_KINDS.items())
    parts = []
    for place in range(_PARTS):
        prefix, (cheap, dear) = kinds[place % len(kinds)]
        value = cheap * (dear / cheap) ** random.random()
        parts.append(
            Part(
                part_id=f"{prefix}-{100 + place}",
                unit_value=f"{value:.2f}",
                supplier_id=f"SUP-{random.randrange(_SUPPLIERS) + 1:02}",
                locations=tuple(where for where, share in LOCATIONS.items() if random.random() < share),
                weight=1 / (place + 1) ** _ZIPF,
            )
        )
    random.shuffle(parts)
    tiers = random.choices([tier for tier, _ in _TIERS], [share for _, share in _TIERS], k=_CUSTOMERS)
    customers = tuple(Customer(f"C-{101 + number}", tier) for number, tier in enumerate(tiers))
    return Catalogue(tuple(parts), customers)
