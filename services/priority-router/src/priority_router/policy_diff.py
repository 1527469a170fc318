"""What another policy would change, in words."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from difflib import SequenceMatcher
from typing import Any

import yaml

from priority_router.domain.policy import Band, Policy
from priority_router.policy_file import read_policy

_EFFECT = {
    "win": "it takes unreleased units from fill lines of lower bands",
    "gain": "it takes from nobody and loses to nobody",
    "fill": "it may lose unreleased units to a win",
}
_UNITS = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1000, "s"), (1, "ms"))


@dataclass(frozen=True, slots=True)
class Written:
    """A policy, and the conditions of its bands as they were written."""

    policy: Policy
    conditions: dict[str, str]

    @property
    def bands(self) -> dict[str, Band]:
        """The bands by name, first to last."""
        return {band.name: band for band in self.policy.bands}


def written(text: str, file: str) -> Written:
    """A policy from its text. Raises `PolicyMistakesError`."""
    policy = read_policy(text, file)
    bands = _at(yaml.compose(text, Loader=yaml.SafeLoader), "bands")
    return Written(policy, {_at(band, "name"): _at(band, "when") for band in bands})


def _at(mapping: Any, key: str) -> Any:
    """What is written behind a key that is there, for the text was read before."""
    return next(value.value for name, value in mapping.value if name.value == key)


def differences(old: Written, new: Written) -> list[str]:
    """One sentence per difference, in the order of the new policy; empty when only the name or nothing differs."""
    return [*_bands(old, new), *_rules(old.policy, new.policy)]


def _bands(old: Written, new: Written) -> Iterator[str]:
    for name in [name for name in old.bands if name not in new.bands]:
        yield f"band {name} is gone: its lines go to the first band that takes them now"
    moved = _moved(list(old.bands), list(new.bands))
    for place, (name, band) in enumerate(new.bands.items(), 1):
        before = old.bands.get(name)
        if before is None:
            yield (
                f"band {name} is new, at place {place}: when {new.conditions[name]}, target {span(band.target)}, "
                f"strategy {band.strategy.value} ({_EFFECT[band.strategy.value]})"
                + (", released by command only" if band.manual else "")
            )
            continue
        if name in moved:
            yield f"band {name} moves from place {list(old.bands).index(name) + 1} to place {place}"
        if old.conditions[name] != new.conditions[name]:
            yield f"band {name} takes other lines: when {new.conditions[name]} (was: {old.conditions[name]})"
        yield from _band(before, band)


def _band(old: Band, new: Band) -> Iterator[str]:
    if old.target != new.target:
        yield (
            f"band {new.name}: lines without a date of their own are due after {span(new.target)} "
            f"(was: {span(old.target)})"
        )
    if old.strategy != new.strategy:
        effect = _EFFECT[new.strategy.value]
        yield f"band {new.name}: strategy {new.strategy.value} (was: {old.strategy.value}): {effect}"
    if old.manual != new.manual:
        how = "wait for a release command" if new.manual else "are released by themselves"
        yield f"band {new.name}: units that are set aside {how} now"


def _moved(old: Sequence[str], new: Sequence[str]) -> set[str]:
    """The fewest bands that have to move so that one order becomes the other."""
    both_old = [name for name in old if name in new]
    both_new = [name for name in new if name in old]
    kept = SequenceMatcher(None, both_old, both_new, autojunk=False).get_matching_blocks()
    stay = {name for block in kept for name in both_old[block.a : block.a + block.size]}
    return set(both_new) - stay


def _rules(old: Policy, new: Policy) -> Iterator[str]:
    rules: tuple[tuple[str, Callable[[Policy], object]], ...] = (
        ("a promise is published anew when it moved by more than {}", lambda p: span(p.tolerance)),
        ("others may make a promise worse {} times, then the line is protected", lambda p: p.max_worsened),
        ("promises are reckoned {} after what may move them", lambda p: span(p.promise_debounce)),
        ("units are released {} after they were set aside", lambda p: span(p.release_debounce)),
    )
    for sentence, value in rules:
        if value(old) != value(new):
            yield f"{sentence.format(value(new))} (was: {value(old)})"


def span(time: timedelta) -> str:
    """A time span as a policy writes it."""
    left = time // timedelta(milliseconds=1)
    parts = []
    for size, unit in _UNITS:
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"
