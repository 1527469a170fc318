"""A policy file is understood, or every mistake in it is named with its line and what to write instead."""

from datetime import timedelta

import pytest
from router_desk import START

from backorder_contracts.internal import LineDetail
from priority_router.cel import FIELDS, compile_condition
from priority_router.domain.policy import Strategy, line_facts
from priority_router.policy_file import PolicyMistakesError, default_text, read_policy

GOOD = """\
version: "1"
bands:
  - {name: big, when: "value > 1000.0", target: 1h30m, strategy: win}
  - {name: rest, when: "true", target: 3d, strategy: fill}
promise: {tolerance: 6h, max_worsened: 2, debounce: 500ms}
release: {debounce: 0s, manual: [rest]}
"""


def detail(**fields):
    return LineDetail("A", "1", "P", "W", 4, START, "C", **fields)


def mistakes(text):
    with pytest.raises(PolicyMistakesError) as caught:
        read_policy(text, "p.yaml")
    return [str(mistake) for mistake in caught.value.mistakes]


def only_mistake(old, new):
    assert old in GOOD
    (mistake,) = mistakes(GOOD.replace(old, new))
    return mistake


def test_the_default_policy_is_the_documented_one():
    rules = read_policy(default_text())
    assert [(b.name, b.strategy, b.target) for b in rules.bands] == [
        ("machine-down", Strategy.WIN, timedelta(hours=4)),
        ("key-account", Strategy.GAIN, timedelta(hours=24)),
        ("standard", Strategy.FILL, timedelta(hours=72)),
    ]
    assert (rules.version, rules.tolerance, rules.max_worsened) == ("2026-11-24.1", timedelta(hours=12), 1)
    assert (rules.release_debounce, [b.name for b in rules.bands if b.manual]) == (timedelta(seconds=2), [])


@pytest.mark.parametrize(
    ("fields", "band"),
    [
        ({"service_impact": "down", "tier": "gold"}, 0),
        ({"tier": "gold"}, 1),
        ({"tier": "silver"}, 2),
    ],
)
def test_the_first_band_whose_condition_holds_takes_the_line(fields, band):
    rules = read_policy(default_text())
    assert rules.classify(line_facts(detail(**fields))) == band


def test_every_value_of_a_policy_is_read():
    rules = read_policy(GOOD)
    assert rules.bands[0].target == timedelta(minutes=90)
    assert (rules.tolerance, rules.max_worsened) == (timedelta(hours=6), 2)
    assert (rules.promise_debounce, rules.release_debounce) == (timedelta(milliseconds=500), timedelta())
    assert [band.manual for band in rules.bands] == [False, True]


def test_conditions_see_every_field_of_a_line():
    assert tuple(line_facts(detail())) == FIELDS


def test_a_line_without_a_value_is_worth_nothing():
    rules = read_policy(GOOD)
    assert rules.classify(line_facts(detail())) == 1
    assert rules.classify(line_facts(detail(unit_value="250.01"))) == 0


def test_a_condition_that_fails_for_a_line_does_not_hold():
    condition = compile_condition("int(customer_id.matches('^C') ? '1' : customer_id) == 1")
    assert condition.holds(line_facts(detail()))
    assert not condition.holds(line_facts(detail()) | {"customer_id": "X"})


def test_a_condition_may_use_what_cel_offers():
    source = "['A', 'B'].exists(prefix, customer_id.startsWith(prefix)) || size(part_id) > 9"
    assert compile_condition(source).holds(line_facts(detail()) | {"customer_id": "B7"})


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"1"', "2026-11-24", 'p.yaml:1: version must be text; put it in quotes: "2026-11-24"'),
        ('"1"', '""', "p.yaml:1: version must have 1 to 64 printable characters; choose a shorter name"),
        ("name: big", "nmae: big, name: big", "p.yaml:3: a band has no key nmae; did you mean name?"),
        ("name: big", "name: rest", "p.yaml:4: there are two bands named rest; rename it; line 3 has the other"),
        ("name: big", "name: big, name: b", "p.yaml:3: name stands twice in a band; keep one of them"),
        ("name: big, ", "", "p.yaml:3: a band has no name; add name"),
        ("1h30m", "90", "p.yaml:3: target 90 is not a time span; write for example 30m, 4h, 3d or 1h30m"),
        ("1h30m", "0h", "p.yaml:3: target 0h is too long or too short; choose a span that makes sense"),
        ("1h30m", "99999d", "p.yaml:3: target 99999d is too long or too short; choose a span that makes sense"),
        ("strategy: win", "strategy: won", "p.yaml:3: strategy won is not known; choose one of win, gain, fill"),
        ("max_worsened: 2", "max_worsened: -2", "p.yaml:5: max_worsened must be a whole number; write 0 or more, for example 1"),
        ("tolerance: 6h", "tolerance: [6h]", "p.yaml:5: tolerance this is not a time span; write for example 30m, 4h, 3d or 1h30m"),
        ("[rest]", "[best]", "p.yaml:6: manual names best, which is no band; known are big, rest"),
        ("[rest]", "rest", "p.yaml:6: manual must be a list; write one item per line, each behind a dash"),
        ("{debounce: 0s, manual: [rest]}", "soon", "p.yaml:6: release must be a mapping; give it the keys debounce, manual"),
        ("value > 1000.0", "valu > 1000.0", "p.yaml:3: the condition of band big asks for valu, which no line has; did you mean value?"),
        ("value > 1000.0", "value", "p.yaml:3: the condition of band big gives 0.0, but a condition is true or false; compare it, for example value > 1000.0"),
        ("value > 1000.0", "1 / 0 == 1", "p.yaml:3: the condition of band big cannot be worked out for every line (division by zero in CEL expression); write one that has an answer whatever the line is"),
        ('when: "value > 1000.0"', "when: 5", "p.yaml:3: when must be a condition in quotes; write for example when: \"tier == 'gold'\""),
        ('"value > 1000.0"', '"true"', "p.yaml:4: no line can reach band rest, because big takes every line; move big to the end"),
        ('"true"', '"tier == \'gold\'"', 'p.yaml:4: the last band must take every line that no band before it takes; end the list with a band that has when: "true"'),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_line_and_what_to_write(old, new, said):
    assert only_mistake(old, new) == said


@pytest.mark.parametrize(
    ("condition", "what", "instead"),
    [
        ("value >", "is no CEL expression at its end", "write for example tier == 'gold'"),
        ("tier = 'gold'", """is no CEL expression from "= 'gold'" on""", "compare with ==, !=, <, <=, > or >="),
        ("value > 1.0 and tier == 'x'", """is no CEL expression from "and tier == 'x'" on""", "write && for and, || for or, ! for not"),
        ("tier == \u201cgold\u201d", 'is no CEL expression from "\u201cgold\u201d" on', "write straight quotes, for example tier == 'gold'"),
        ("value > 1,000", 'is no CEL expression from ",000" on', "write numbers without commas, for example value > 1000.0"),
        ("tier == 'gold", """is no CEL expression from "'gold" on""", "end every text with the quote that it begins with, for example tier == 'gold'"),
        ("Tier == 'gold'", "asks for Tier, which no line has", "did you mean tier?"),
        ("tier == gold", "asks for gold, which no line has", f"put it in quotes if it is a text ('gold'), or ask for one of {', '.join(FIELDS)}"),
        ("tier in 'gold'", "cannot be worked out for every line (No such overload: the operation is not defined for the given operand types)", "compare texts with texts in quotes, numbers with numbers; in wants a list in [brackets]"),
        ("unit_value * quantity > 1.0", "cannot be worked out for every line (Unsupported operation: float * int)", "a quantity is a whole number, a value is not: double(quantity) fits it"),
    ],
)  # fmt: skip
def test_a_condition_that_does_not_work_says_where_and_what_to_write(condition, what, instead):
    assert compile_condition(condition) == (what, instead)


def test_a_condition_that_would_overflow_the_library_is_named():
    said = only_mistake("value > 1000.0", "1+" * 1000 + "1 == 1")
    assert said == "p.yaml:3: when has more than 2000 characters; write several bands instead of one"


@pytest.mark.parametrize(
    ("old", "new"),
    [('"true"', "'tru'"), ("name: rest, when", "name: [], when"), ("strategy: fill}", "strategy: fill, more: 1}")],
)
def test_one_mistake_in_the_last_band_is_one_message(old, new):
    assert only_mistake(old, new).startswith("p.yaml:4: ")


def test_a_span_of_more_digits_than_python_reads_is_too_long():
    assert "is too long or too short" in only_mistake("1h30m", "9" * 5_000 + "h")


def test_all_mistakes_are_named_at_once_in_the_order_of_their_lines():
    said = mistakes("bnads: 1\nbands: [{name: a, when: 'x', target: 1, strategy: lose}]\nrelease: {manual: [b]}\n")
    assert [line.split(":")[1] for line in said] == ["1", "1", "2", "2", "2", "3"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "p.yaml:1: the file is empty; write a policy"),
        ("bands: [", "p.yaml:1: this is not YAML"),
        ('version: "\x07"', "p.yaml:1: this is not YAML (unacceptable character #x0007"),
        ("bands: " + "[" * 900, "p.yaml:1: brackets are nested too deep; write a policy"),
        ("- a", "p.yaml:1: the policy must be a mapping"),
        ('version: "1"\nbands: []', "p.yaml:2: there are no bands"),
        ('version: "1"', "p.yaml:1: the policy has no bands; add bands"),
    ],
)
def test_a_file_that_is_no_policy_at_all_is_named(text, said):
    assert mistakes(text)[0].startswith(said)
