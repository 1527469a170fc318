"""The named scenes: each on a lane of its own, so that its outcome is known beforehand.

`stories` says what happens; what must come of it stands in `checks.stories`, under the same names.
"""

from __future__ import annotations

from dataclasses import dataclass

from backorder_dev.demo.acts import (
    Act,
    Announce,
    CallOff,
    CancelOrder,
    Damage,
    OrderLine,
    PlaceOrder,
    Receive,
    Revise,
    Stock,
    Timed,
)

EMERGENCY = "emergency overtakes"
TAKEN_BACK = "emergency takes back"
CANCELLED = "waiting order cancelled"
PARTLY = "partly allocated, cancelled"
DAMAGED = "damaged pallet"
EARLY = "early delivery"
LATE = "late delivery"
COMPLETE = "complete only"

WHERE = "W1"
_SUPPLIER = "SUP-01"


@dataclass(frozen=True, slots=True)
class Story:
    """A scene: its name, its lane, what there is before the play, and its acts in order.

    `begins` and `ends` are shares of the play; the acts are spread evenly between them.
    """

    name: str
    part_id: str
    opening: tuple[Act, ...]
    acts: tuple[Act, ...]
    begins: float
    ends: float

    @property
    def lane(self) -> str:
        """The lane on which it plays."""
        return f"{self.part_id}@{WHERE}"

    def timed(self, seconds: float) -> list[Timed]:
        """Its acts with their times in a play of so many seconds."""
        step = (self.ends - self.begins) / max(1, len(self.acts) - 1)
        return [Timed((self.begins + step * place) * seconds, act, self.name) for place, act in enumerate(self.acts)]


def _order(
    order_id: str,
    customer_id: str,
    part_id: str,
    quantity: int,
    *,
    value: str = "129.90",
    tier: str = "standard",
    impact: str = "none",
    policy: str = "available",
) -> PlaceOrder:
    return PlaceOrder(order_id, customer_id, tier, (OrderLine("1", part_id, WHERE, quantity, value, impact, policy),))


def _promise(delivery_id: str, part_id: str, quantity: int, days: float = 2.0) -> Announce:
    return Announce(delivery_id, _SUPPLIER, part_id, WHERE, quantity, days)


def stories() -> tuple[Story, ...]:
    """All scenes. Their customers are `C-1` to `C-9`.

    Where a customer wants all units at once, more is on its way than they need: else their units would be lent to
    others meanwhile.
    """
    return (
        Story(
            EMERGENCY,
            "BRK-2041",
            (Stock("BRK-2041", WHERE, 0), _promise("PO-8801/1", "BRK-2041", 7)),
            (
                _order("SO-9001", "C-1", "BRK-2041", 4),
                _order("SO-9002", "C-2", "BRK-2041", 3, tier="platinum", impact="down"),
                Receive("PO-8801/1", 3),
                Receive("PO-8801/1", 4),
            ),
            0.05,
            0.45,
        ),
        Story(
            TAKEN_BACK,
            "GBX-3100",
            (Stock("GBX-3100", WHERE, 0), _promise("PO-8802/1", "GBX-3100", 15)),
            (
                _order("SO-9003", "C-3", "GBX-3100", 6, value="1890.00", policy="complete"),
                Receive("PO-8802/1", 4),
                _order("SO-9004", "C-2", "GBX-3100", 3, value="1890.00", tier="platinum", impact="down"),
                Receive("PO-8802/1", 5),
                CallOff("PO-8802/1"),
            ),
            0.15,
            0.55,
        ),
        Story(
            CANCELLED,
            "PMP-7700",
            (Stock("PMP-7700", WHERE, 0),),
            (
                _order("SO-9005", "C-4", "PMP-7700", 5, value="420.00"),
                CancelOrder("SO-9005", quantity=2, reason="needs fewer"),
                CancelOrder("SO-9005", reason="bought elsewhere"),
            ),
            0.2,
            0.4,
        ),
        Story(
            PARTLY,
            "VLV-1200",
            (Stock("VLV-1200", WHERE, 0), _promise("PO-8803/1", "VLV-1200", 12)),
            (
                _order("SO-9006", "C-5", "VLV-1200", 6, policy="complete"),
                _order("SO-9007", "C-6", "VLV-1200", 2),
                Receive("PO-8803/1", 2),
                CancelOrder("SO-9006", reason="machine scrapped"),
                CallOff("PO-8803/1"),
            ),
            0.25,
            0.6,
        ),
        Story(
            DAMAGED,
            "MTR-5000",
            (Stock("MTR-5000", WHERE, 10), _promise("PO-8804/1", "MTR-5000", 20)),
            (
                _order("SO-9008", "C-7", "MTR-5000", 4, value="780.00"),
                _order("SO-9009", "C-8", "MTR-5000", 6, value="780.00"),
                _order("SO-9010", "C-9", "MTR-5000", 5, value="780.00", policy="complete"),
                Receive("PO-8804/1", 3),
                Damage("MTR-5000", WHERE, 6),
                Receive("PO-8804/1", 8),
                CallOff("PO-8804/1"),
            ),
            0.1,
            0.65,
        ),
        Story(
            EARLY,
            "FLT-6000",
            (Stock("FLT-6000", WHERE, 1), _promise("PO-8805/1", "FLT-6000", 4, days=5)),
            (_order("SO-9011", "C-1", "FLT-6000", 4, value="24.50"), Receive("PO-8805/1", 4)),
            0.3,
            0.5,
        ),
        Story(
            LATE,
            "BRG-2100",
            (Stock("BRG-2100", WHERE, 0), _promise("PO-8806/1", "BRG-2100", 8, days=0.0001)),
            (
                _order("SO-9012", "C-4", "BRG-2100", 8, value="61.00"),
                Revise("PO-8806/1", days=4),
                Receive("PO-8806/1", 8),
            ),
            0.2,
            0.7,
        ),
        Story(
            COMPLETE,
            "HYD-4400",
            (Stock("HYD-4400", WHERE, 2), _promise("PO-8807/1", "HYD-4400", 8)),
            (
                _order("SO-9013", "C-6", "HYD-4400", 5, value="38.00", policy="complete"),
                Receive("PO-8807/1", 2),
                Receive("PO-8807/1", 2),
                CallOff("PO-8807/1"),
            ),
            0.35,
            0.7,
        ),
    )


STORIES = stories()
CUSTOMERS = {act.customer_id: act.tier for story in STORIES for act in story.acts if isinstance(act, PlaceOrder)}
"""Customers who play in scenes, with their tiers."""
