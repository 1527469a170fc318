"""What one audit says."""

from dataclasses import dataclass, field, replace
from datetime import datetime

from auditor.domain.identities import Finding, Identity

DRIFTS_SHOWN = 100
"""How many lanes that drift a report describes; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Drift:
    """A lane whose numbers contradict each other; `more` counts findings that are not shown."""

    lane: str
    findings: tuple[Finding, ...]
    more: int = 0

    @property
    def is_about_cover(self) -> bool:
        """Whether the cover does not add up, so that somebody should name its lines."""
        return any(finding.identity is Identity.COVER for finding in self.findings)

    def naming_cover(self, lines: tuple[str, ...]) -> "Drift":
        """The same, with the lines that the cover belongs to."""
        named = (
            replace(finding, involved=lines) if finding.identity is Identity.COVER else finding
            for finding in self.findings
        )
        return replace(self, findings=tuple(named))


@dataclass(frozen=True, slots=True)
class Debt:
    """A lane whose queue owes units, because stock was lost that had been released already."""

    lane: str
    units: int


@dataclass(slots=True)
class Report:
    """One audit, at one moment. `in_flight` lanes had messages under way and were left out of `checked`.

    `drifts` and `debts` describe the first of `drifting` and `owing` lanes.
    """

    at: datetime
    seconds: float = 0.0
    checked: int = 0
    lines: int = 0
    in_flight: int = 0
    drifting: int = 0
    owing: int = 0
    drifts: list[Drift] = field(default_factory=list)
    debts: list[Debt] = field(default_factory=list)

    def drift(self, drift: Drift) -> None:
        """A lane drifts."""
        self.drifting += 1
        if len(self.drifts) < DRIFTS_SHOWN:
            self.drifts.append(drift)

    def owe(self, debt: Debt) -> None:
        """A lane owes units."""
        self.owing += 1
        if len(self.debts) < DRIFTS_SHOWN:
            self.debts.append(debt)
