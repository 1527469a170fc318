"""What a campaign found: one line per kind of fault, for people; the same and every injection, for machines."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

from faults_support.oracle import Fault, Finding
from faults_support.plan import Injection, Kind

DUPLICATES = "upstream duplicates"
BAD: tuple[Fault, ...] = ("lost", "doubled", "wrong")
_BETWEEN = "at another time"


@dataclass(frozen=True)
class Backlog:
    """What those whom a fault is done to had to do when it came, of a burst and of what else there was.

    Attributes:
        records: that their lanes had still to process.
        batches: that they had decided, and not known to be sent.
    """

    records: int
    batches: int

    def __str__(self) -> str:
        """As the log of a campaign names it."""
        return f"{self.records} records to do, {self.batches} batches to send"


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
        backlog: what it met, where it came behind a burst.
    """

    injection: Injection
    began: float
    healed: float = 0.0
    evidence: str = ""
    opened: float | None = None
    recovered: float | None = None
    problem: str | None = None
    backlog: Backlog | None = None

    def __str__(self) -> str:
        """As the log of a campaign tells it."""
        met = f" ({self.backlog})" if self.backlog else ""
        recovered = f"recovered in {self.recovered:.1f} s" if self.recovered is not None else ""
        return (
            f"{self.injection}{met}: {self.evidence}; {recovered}{f' PROBLEM {self.problem}' if self.problem else ''}"
        )

    def covers(self, at: float) -> bool:
        """Whether something that happened then happened under this fault."""
        return self.began <= at <= self.healed + (self.recovered or 60.0)


@dataclass
class Result:
    """All of a campaign.

    Attributes:
        reckoned: whether what was published has been looked at; until then no finding means nothing.
    """

    seed: int
    settings: dict[str, Any]
    injected: list[Injected] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    not_possible: dict[Kind, str] = field(default_factory=dict)
    counted: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    reckoned: bool = False

    @property
    def good(self) -> bool:
        """Whether everything was survived and nothing was found."""
        return self.reckoned and not self.findings and all(each.problem is None for each in self.injected)

    def table(self) -> str:
        """One line per kind."""
        rows = [("fault", "injected", "survived", "opened p50", "max", "recovered p50", "max", *BAD)]
        attributed = self._attributed()
        for kind in Kind:
            mine = self._of(kind)
            if kind in self.not_possible:
                rows.append((kind.value, f"not here: {self.not_possible[kind]}", *[""] * (len(rows[0]) - 2)))
            elif mine:
                times = [*_times(each.opened for each in mine), *_times(each.recovered for each in mine)]
                counts = f"{len(mine)}", f"{self._survived(mine)}"
                rows.append((kind.value, *counts, *times, *_bad(attributed[kind.value])))
        repeated, survived = self._duplicates()
        rows.append((DUPLICATES, f"{repeated}", f"{survived}", *["-"] * 4, *_bad(attributed[DUPLICATES])))
        if other := attributed[_BETWEEN]:
            rows.append((_BETWEEN, *["-"] * 6, *_bad(other)))
        widths = [max(len(row[n]) for row in rows if not row[1].startswith("not here")) for n in range(len(rows[0]))]
        return "\n".join(_line(row, widths) for row in rows)

    def bursts(self) -> str:
        """How many faults came behind a burst, and how many of them met with something to do."""
        there = [each.backlog or Backlog(0, 0) for each in self.injected if each.injection.burst]
        if not there:
            return "no fault came behind a burst"
        records, batches = [each.records for each in there], [each.batches for each in there]
        met = sum(each != Backlog(0, 0) for each in there)
        return (
            f"{len(there)} faults came behind a burst, {met} met a backlog: p50 {median(records):.0f} records to do, "
            f"max {max(records)}, p50 {median(batches):.0f} batches to send, max {max(batches)}"
        )

    def _of(self, kind: Kind) -> list[Injected]:
        return [each for each in self.injected if each.injection.kind is kind]

    def _survived(self, mine: Iterable[Injected]) -> int:
        """Those without a problem, in whose time nothing came that a finding is about."""
        bad = [finding.at for finding in self.findings if finding.at is not None]
        return sum(each.problem is None and not any(map(each.covers, bad)) for each in mine)

    def _duplicates(self) -> tuple[int, int]:
        """How many inputs were repetitions, and how many of these no finding is about."""
        bad = {place for finding in self.findings for place in finding.again}
        return self.counted["repeated"], self.counted["repeated"] - len(bad)

    def _attributed(self) -> dict[str, Counter[str]]:
        """What was found, by the fault under which the input came, and by whether it came again; the rest apart."""
        found: dict[str, Counter[str]] = {name: Counter() for name in [*(k.value for k in Kind), DUPLICATES, _BETWEEN]}
        for finding in self.findings:
            at = finding.at
            names = {each.injection.kind.value for each in self.injected if at is not None and each.covers(at)}
            if finding.again:
                names.add(DUPLICATES)
            for name in names or {_BETWEEN}:
                found[name][finding.fault] += 1
        return found

    def as_json(self) -> str:
        """For machines."""
        attributed = self._attributed()
        repeated, survived = self._duplicates()
        told = {
            "seed": self.seed,
            "settings": self.settings,
            "reckoned": self.reckoned,
            "inputs": dict(self.counted),
            "kinds": {kind.value: self._kind(kind, attributed[kind.value]) for kind in Kind},
            "duplicates": {"injected": repeated, "survived": survived, **_counts(attributed[DUPLICATES])},
            "findings": [_finding(each) for each in self.findings],
            "notes": self.notes,
            "injections": [_injection(each) for each in self.injected],
        }
        return json.dumps(told, indent=1, ensure_ascii=False)

    def _kind(self, kind: Kind, bad: Counter[str]) -> dict[str, Any]:
        mine = self._of(kind)
        return {
            "injected": len(mine),
            "survived": self._survived(mine),
            "not_possible": self.not_possible.get(kind),
            "opened": _summary([each.opened for each in mine if each.opened is not None]),
            "recovered": _summary([each.recovered for each in mine if each.recovered is not None]),
            **_counts(bad),
        }


def _finding(each: Finding) -> dict[str, Any]:
    return {"fault": each.fault, "what": each.what, "at": each.at, "repeated": len(each.again)}


def _injection(each: Injected) -> dict[str, Any]:
    injection = each.injection
    return {
        "number": injection.number,
        "kind": injection.kind.value,
        "what": str(injection),
        "began": round(each.began, 3),
        "healed": round(each.healed, 3),
        "burst": injection.burst,
        "backlog": asdict(each.backlog) if each.backlog else None,
        "evidence": each.evidence,
        "opened": each.opened,
        "recovered": each.recovered,
        "problem": each.problem,
    }


def _counts(bad: Counter[str]) -> dict[str, int]:
    return {name: bad[name] for name in BAD}


def _bad(bad: Counter[str]) -> list[str]:
    return [f"{bad[name]}" for name in BAD]


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
