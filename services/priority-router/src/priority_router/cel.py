"""Conditions of a policy, in the Common Expression Language.

The one place that knows the CEL library: it is young, so it stays replaceable.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import NamedTuple

import cel

from priority_router.domain.policy import Classify, Field

_REMEMBERED = 10_000
_SHOWN = 20  # characters of a condition that cannot be read
# what the library says of an operation that does not work, and what to write instead
_MISFITS = (
    ("No such overload", "compare texts with texts in quotes, numbers with numbers; in wants a list in [brackets]"),
    ("Unsupported operation", "a quantity is a whole number, a value is not: double(quantity) fits it"),
    ("", "write one that has an answer whatever the line is"),
)
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_AT = re.compile(r"<input>:(\d+):(\d+): ")
# what people write out of habit, outside quotes, and what CEL wants
_HABITS = (
    (re.compile(r"(?<![=!<>])=(?!=)|===|=>|=<|<>"), "compare with ==, !=, <, <=, > or >="),
    (
        re.compile(r"\b(?:and|or|not)\b|(?<!&)&(?!&)|(?<!\|)\|(?!\|)", re.IGNORECASE),
        "write && for and, || for or, ! for not",
    ),
    (re.compile("[\\u2018-\\u201f\\u00ab\\u00bb]"), "write straight quotes, for example tier == 'gold'"),
    (re.compile(r"\d,\d"), "write numbers without commas, for example value > 1000.0"),
    (re.compile(r"['\"]"), "end every text with the quote that it begins with, for example tier == 'gold'"),
)
_BOUND = re.compile(r"\.\s*(?:all|exists|exists_one|map|filter)\s*\(\s*([A-Za-z_]\w*)\s*,")


def _sample(**facts: Field) -> dict[str, Field]:
    base: dict[str, Field] = {
        "tier": "standard",
        "service_impact": "none",
        "ship_policy": "available",
        "quantity": 1,
        "unit_value": 0.0,
        "value": 0.0,
        "customer_id": "C-1",
        "part_id": "P-1",
        "location_id": "MAIN",
    }
    return base | facts


# lines that differ in all that a condition may branch on, so that mistakes show before a real line comes
SAMPLES = tuple(
    _sample(tier=tier, service_impact=impact, ship_policy=ship, quantity=quantity, unit_value=unit, value=value)
    for tier in ("platinum", "gold", "silver", "standard")
    for impact in ("down", "degraded", "planned", "none")
    for ship in ("available", "complete")
    for quantity, unit, value in ((1, 0.0, 0.0), (4, 129.9, 519.6), (1_000_000_000, 1e6, 1e15))
)
FIELDS = tuple(_sample())


@dataclass(frozen=True, slots=True)
class Condition:
    """A compiled condition over the fields of a line."""

    source: str
    program: cel.Program

    def holds(self, facts: dict[str, Field]) -> bool:
        """Whether it is true of a line. One that cannot be worked out does not hold: ranking never fails."""
        try:
            return self.program.execute(facts) is True
        except Exception:  # noqa: BLE001 - the library raises whatever the operation raised
            return False

    @property
    def always(self) -> bool:
        """Whether it asks nothing and is true."""
        return not self.program.variables() and self.holds(_sample())


class Flaw(NamedTuple):
    """What is wrong with a condition, as the end of a sentence that begins with its name; what to write instead."""

    what: str
    instead: str


def compile_condition(source: str) -> Condition | Flaw:
    """The condition, or what is wrong with it."""
    try:
        program = cel.compile(source)
    except Exception as error:  # noqa: BLE001 - see above
        return _unreadable(source, error)
    named = set(program.variables()) - set(_BOUND.findall(source))
    for name in sorted(named - set(FIELDS)):
        return _unknown(name)
    for facts in SAMPLES:
        try:
            answer = program.execute(facts)
        except Exception as error:  # noqa: BLE001 - see above
            said = _first_line(error)
            instead = next(advice for beginning, advice in _MISFITS if said.startswith(beginning))
            return Flaw(f"cannot be worked out for every line ({said})", instead)
        if not isinstance(answer, bool):
            return Flaw(f"gives {answer!r}, but a condition is true or false", "compare it, for example value > 1000.0")
    return Condition(source, program)


def _unreadable(source: str, error: Exception) -> Flaw:
    place = _AT.search(str(error))
    line, column = (int(place[1]), int(place[2])) if place else (1, 1)
    rest = " ".join("\n".join(source.split("\n")[line - 1 :])[column - 1 :].split())
    where = f'from "{rest[:_SHOWN]}" on' if rest else "at its end"
    bare = _QUOTED.sub("", source)
    instead = next((advice for habit, advice in _HABITS if habit.search(bare)), "write for example tier == 'gold'")
    return Flaw(f"is no CEL expression {where}", instead)


def _unknown(name: str) -> Flaw:
    what = f"asks for {name}, which no line has"
    if near := get_close_matches(name.lower(), FIELDS, n=1):
        return Flaw(what, f"did you mean {near[0]}?")
    return Flaw(what, f"put it in quotes if it is a text ('{name}'), or ask for one of {', '.join(FIELDS)}")


def classifier(conditions: Sequence[Condition]) -> Classify:
    """Maps the facts of a line to the first condition that holds; the last one if none does.

    Many lines are alike in all that the conditions ask for: such lines are worked out once.
    """
    last = len(conditions) - 1
    asked = sorted({name for condition in conditions for name in condition.program.variables()})
    known: dict[tuple[Field | None, ...], int] = {}

    def classify(facts: dict[str, Field]) -> int:
        key = tuple(map(facts.get, asked))
        band = known.get(key)
        if band is None:
            if len(known) >= _REMEMBERED:
                known.clear()
            band = next((i for i, condition in enumerate(conditions) if condition.holds(facts)), last)
            known[key] = band
        return band

    return classify


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0].split(". ", 1)[0].rstrip(".:")
