"""One line of the summary."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

_NAMED = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """A number that was checked.

    Attributes:
        what: the number, in words.
        expected: by the demo's own account.
        found: by what the services published.
        detail: what does not fit, named; "" when all is well.
    """

    what: str
    expected: str
    found: str
    detail: str = ""

    @property
    def ok(self) -> bool:
        """Whether it is right."""
        return self.expected == self.found and not self.detail


def number(what: str, expected: int, found: int, wrong: Iterable[object] = ()) -> Finding:
    """A finding about a number; `wrong` names what does not fit."""
    named = list(map(str, wrong))
    more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
    return Finding(what, f"{expected:,}", f"{found:,}", ", ".join(named[:_NAMED]) + more)


def all_of(what: str, checked: int, wrong: Iterable[object]) -> Finding:
    """A finding that everything of a kind is right."""
    named = list(wrong)
    return number(what, checked, checked - len(named), named)


def none_of(what: str, wrong: Iterable[object]) -> Finding:
    """A finding that something never happened."""
    named = list(wrong)
    return number(what, 0, len(named), named)
