"""What a campaign found: one line per kind of fault, for people; the same and every injection, for machines."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from faults_support.oracle import Finding
from faults_support.plan import Injection, Kind

DUPLICATES = "upstream duplicates"
_BETWEEN = "at another time"


@dataclass
class Injected:
    """One injection, and how it went. Times are seconds since 1970; recoveries are seconds after the heal.

    Attributes:
        began: when it was injected.
        healed: when it was over; of a kill, when it was done.
        evidence: what shows that it was a fault.
        opened: until a probe was answered by its back orders.
        recovered: until each service had done its part for the probe, and what stood in the topics at the heal was
            processed; None when that took too long.
        problem: why it does not count as survived.
    """

    injection: Injection
    began: float
    healed: float = 0.0
    evidence: str = ""
    opened: float | None = None
    recovered: float | None = None
    problem: str | None = None

    def covers(self, at: float) -> bool:
        """Whether something that happened then happened under this fault."""
        return self.began <= at <= self.healed + (self.recovered or 60.0)


@dataclass
class Result:
    """All of a campaign."""

    seed: int
    settings: dict[str, Any]
    injected: list[Injected] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    not_possible: dict[Kind, str] = field(default_factory=dict)
    counted: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Whether everything was survived and nothing was found."""
        return not self.findings and all(each.problem is None for each in self.injected)

    def table(self) -> str:
        """One line per kind."""
        rows = [("fault", "injected", "survived", "opened p50", "max", "recovered p50", "max", "lost", "doubled")]
        attributed = self._attributed()
        for kind in Kind:
            mine = [each for each in self.injected if each.injection.kind is kind]
            if not mine and kind not in self.not_possible:
                continue
            if kind in self.not_possible:
                rows.append((kind.value, f"not here: {self.not_possible[kind]}", *[""] * 7))
                continue
            survived = [each for each in mine if each.problem is None]
            times = [*_times(each.opened for each in mine), *_times(each.recovered for each in mine)]
            bad = attributed[kind.value]
            rows.append((kind.value, f"{len(mine)}", f"{len(survived)}", *times, f"{bad['lost']}", f"{bad['doubled']}"))
        repeated, bad = self.counted["repeated"], attributed[DUPLICATES]
        rows.append((DUPLICATES, f"{repeated}", f"{repeated}", *["-"] * 4, f"{bad['lost']}", f"{bad['doubled']}"))
        if other := attributed[_BETWEEN]:
            rows.append((_BETWEEN, *["-"] * 6, f"{other['lost']}", f"{other['doubled']}"))
        widths = [max(len(row[n]) for row in rows if not row[1].startswith("not here")) for n in range(len(rows[0]))]
        return "\n".join(_line(row, widths) for row in rows)

    def _attributed(self) -> dict[str, Counter[str]]:
        """What was lost and doubled, by the fault under which the input came; one that came under none, apart."""
        found: dict[str, Counter[str]] = {name: Counter() for name in [*(k.value for k in Kind), DUPLICATES, _BETWEEN]}
        for finding in self.findings:
            at = finding.at
            names = {each.injection.kind.value for each in self.injected if at is not None and each.covers(at)} or {
                _BETWEEN
            }
            for name in names:
                found[name][finding.fault] += 1
        return found

    def as_json(self) -> str:
        """For machines."""
        told = {
            "seed": self.seed,
            "settings": self.settings,
            "inputs": dict(self.counted),
            "kinds": {kind.value: self._kind(kind) for kind in Kind},
            "findings": [{"fault": each.fault, "what": each.what, "at": each.at} for each in self.findings],
            "notes": self.notes,
            "injections": [_injection(each) for each in self.injected],
        }
        return json.dumps(told, indent=1, ensure_ascii=False)

    def _kind(self, kind: Kind) -> dict[str, Any]:
        mine = [each for each in self.injected if each.injection.kind is kind]
        bad = self._attributed()[kind.value]
        return {
            "injected": len(mine),
            "survived": sum(each.problem is None for each in mine),
            "not_possible": self.not_possible.get(kind),
            "opened": _summary([each.opened for each in mine if each.opened is not None]),
            "recovered": _summary([each.recovered for each in mine if each.recovered is not None]),
            "lost": bad["lost"],
            "doubled": bad["doubled"],
        }


def _injection(each: Injected) -> dict[str, Any]:
    injection = each.injection
    return {
        "number": injection.number,
        "kind": injection.kind.value,
        "what": str(injection),
        "began": round(each.began, 3),
        "healed": round(each.healed, 3),
        "evidence": each.evidence,
        "opened": each.opened,
        "recovered": each.recovered,
        "problem": each.problem,
    }


def _summary(times: Sequence[float]) -> dict[str, float] | None:
    return {"p50": round(median(times), 2), "max": round(max(times), 2)} if times else None


def _times(times: Iterable[float | None]) -> tuple[str, str]:
    known = [each for each in times if each is not None]
    return (f"{median(known):.1f} s", f"{max(known):.1f} s") if known else ("-", "-")


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    if row[1].startswith("not here"):
        return f"{row[0]:<{widths[0]}}  {row[1]}"
    return "  ".join(
        [f"{row[0]:<{widths[0]}}", *(f"{cell:>{width}}" for cell, width in zip(row[1:], widths[1:], strict=True))]
    )
