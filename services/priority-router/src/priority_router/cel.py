"""Conditions of a policy, in the Common Expression Language.

The one place that knows the CEL library: it is young, so it stays replaceable.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import cel

from priority_router.domain.policy import Classify, Field

_REMEMBERED = 10_000
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


def compile_condition(source: str) -> Condition | str:
    """The condition, or a sentence that says what is wrong with it."""
    try:
        program = cel.compile(source)
    except Exception as error:  # noqa: BLE001 - see above
        return f"it is not a CEL expression ({_first_line(error)})"
    named = set(program.variables()) - set(_BOUND.findall(source))
    for name in sorted(named - set(FIELDS)):
        near = get_close_matches(name, FIELDS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"a line has {', '.join(FIELDS)}"
        return f"it asks for {name}, which no line has; {hint}"
    for facts in SAMPLES:
        try:
            answer = program.execute(facts)
        except Exception as error:  # noqa: BLE001 - see above
            return f"it cannot be worked out for every line ({_first_line(error)})"
        if not isinstance(answer, bool):
            return f"it gives {answer!r}, but a condition is true or false"
    return Condition(source, program)


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
    text = str(error).split("\n", 1)[0].split(". ", 1)[0]
    return text.removeprefix("ERROR: ").rstrip(".")
