"""What had come into a lane by a moment, reckoned from the stock that was published, whatever became of it."""

import json
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

from e2e_support.business import REASON

from faults_support.topics import Topics


@dataclass
class CameIn:
    """Of a lane: when (milliseconds since 1970) more was known to have come in, and how much that was in all."""

    at: list[int] = field(default_factory=list)
    units: list[int] = field(default_factory=list)

    def by(self, moment: int) -> int:
        """How many units had come in then."""
        known = bisect_right(self.at, moment)
        return self.units[known - 1] if known else 0


def came_in(topics: Topics) -> Mapping[str, CameIn]:
    """Of each lane, the units that back orders may have had by a moment: what was received, but for what left as cover.

    A version of stock tells of all receipts up to it, also where those are published after it, and counts once and
    from when it was published first. All clients stamp their records by the clock of one machine, so whatever was
    decided because of a version stands in the log with a later time, or the same.
    """
    first: dict[str, dict[int, tuple[int, Any]]] = defaultdict(dict)
    for record in sorted(topics.inputs["stock-changed"], key=lambda record: record.timestamp):
        if REASON not in dict(record.headers):
            stock = json.loads(record.value)
            first[f"{stock['part_id']}@{stock['location_id']}"].setdefault(stock["version"], (record.timestamp, stock))
    short = _lines_with_back_orders(topics)
    return defaultdict(CameIn, {lane: _of(versions, short) for lane, versions in first.items()})


def _of(versions: Mapping[int, tuple[int, Any]], short: set[tuple[str, str]]) -> CameIn:
    units, known = 0, list[tuple[int, int]]()
    for _, (at, stock) in sorted(versions.items()):
        if stock["reason"] == "received":
            units += stock["quantity"]
        for line in stock.get("shipped", ()):
            if (line["order_id"], line["line_id"]) not in short:
                units -= line["quantity"]  # it stood in the warehouse for a line that never needed a back order
        known.append((at, units))
    known.sort()
    return CameIn([at for at, _ in known], list(accumulate((so_far for _, so_far in known), max)))


def _lines_with_back_orders(topics: Topics) -> set[tuple[str, str]]:
    states = (json.loads(record.value) for record in topics.outputs["back-order-state"])
    return {(state["order_id"], state["line_id"]) for state in states}
