"""How far the system is: until when everything that upstream published has been taken in and answered.

Told from outside, by the offsets that the services commit (for lag tools) and the ends of the logs, in the order in
which records flow. Pure: it is fed with snapshots.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Place = tuple[str, int]
"""A topic and a partition."""
Offsets = Mapping[Place, int]

WATCHER = "demo"
"""Stands for this demo among the groups."""

_GAP = "backorder.gap-detector.lanes"
_ROUTER = "backorder.priority-router.lanes"

STAGES: tuple[Mapping[str, tuple[str, ...]], ...] = (
    {
        "backorder.gap-detector.intake": ("order-placed", "order-cancelled"),
        "backorder.inventory-sync.intake": ("stock-changed", "supplier-delivery"),
        "backorder.priority-router.intake": ("back-order-command",),
    },
    {
        _GAP: ("order-line",),
        "backorder.inventory-sync.lanes": ("supply-entry",),
        _ROUTER: ("queue-command",),
    },
    {_GAP: ("supply",), _ROUTER: ("supply",)},
    {_ROUTER: ("back-order-queue",)},
    {WATCHER: ("back-order-state",)},
)
"""Group → topics that it reads, one stage after the other."""

BESIDES: Mapping[str, tuple[str, ...]] = {
    _GAP: ("back-order-need",),
    "backorder.notifier.lanes": ("back-order-state",),
}
"""What else must have been read when the system is at rest."""

# a service commits its place before its relay has published what followed from it
_GRACE = 0.25


def groups() -> dict[str, set[str]]:
    """Group → all topics that it reads, the demo itself left out."""
    found: dict[str, set[str]] = {}
    for stage in (*STAGES, BESIDES):
        for group, topics in stage.items():
            if group != WATCHER:
                found.setdefault(group, set()).update(topics)
    return found


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Ends of logs, and who has read how far. The ends are read first.

    Attributes:
        at: when reading began, in seconds since the epoch.
        published_until: until when all that was to be published stood in the logs by then.
        ends: place → the offset that its next record gets.
        read: group → place → the offset that it reads next; a place that is missing was not begun.
    """

    at: float
    published_until: float
    ends: Offsets
    read: Mapping[str, Offsets]

    def lag(self, group: str, topic: str) -> int:
        """Records of a topic that a group has not read."""
        places = self.read.get(group, {})
        return sum(max(0, end - places.get(place, 0)) for place, end in self.ends.items() if place[0] == topic)


@dataclass(slots=True)
class _Wave:
    """Everything published before `began`, on its way through the stages."""

    began: float
    stage: int = 0
    targets: dict[tuple[str, Place], int] = field(default_factory=dict)
    settles_at: float = 0.0


class Tide:
    """Follows waves through the system; `reached` is when the newest wave that has come through began."""

    def __init__(self) -> None:
        self._waves: list[_Wave] = []
        self.reached = 0.0
        self.lags: dict[str, int] = {}

    def feed(self, snapshot: Snapshot) -> None:
        """Take a snapshot and see which waves get further."""
        self._waves.append(_Wave(snapshot.published_until, targets=_targets(0, snapshot)))
        for wave in self._waves:
            _step(wave, snapshot)
        through = [wave.began for wave in self._waves if wave.stage == len(STAGES)]
        if through:
            self.reached = max(self.reached, *through)
        self._waves = [wave for wave in self._waves if wave.began > self.reached]
        self.lags = {
            f"{group} ← {topic}": snapshot.lag(group, topic)
            for group, topics in sorted(groups().items())
            for topic in sorted(topics)
        }


def _step(wave: _Wave, snapshot: Snapshot) -> None:
    """Take a wave into its next stage, if its groups have read what the wave brought them."""
    if not wave.targets:
        if snapshot.at < wave.settles_at:
            return
        wave.targets = _targets(wave.stage, snapshot)
    if all(snapshot.read.get(group, {}).get(place, 0) >= end for (group, place), end in wave.targets.items()):
        wave.stage += 1
        wave.targets = {}
        wave.settles_at = snapshot.at + _GRACE


def _targets(stage: int, snapshot: Snapshot) -> dict[tuple[str, Place], int]:
    """What the groups of a stage have to read: all that stands there now."""
    return {
        (group, place): end
        for group, topics in STAGES[stage].items()
        for place, end in snapshot.ends.items()
        if place[0] in topics
    }
