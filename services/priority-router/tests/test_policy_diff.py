import pytest

from priority_router.policy_diff import differences, written
from priority_router.policy_file import default_text

BASE = default_text()


def said(*changes, base=BASE):
    text = base
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return differences(written(base, "old"), written(text, "new"))


def test_another_name_alone_is_no_difference():
    assert said(('"2026-11-24.1"', '"other"')) == []


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            ("target: 4h", "target: 90m"),
            "band machine-down: lines without a date of their own are due after 1h30m (was: 4h)",
        ),
        (
            ("strategy: gain", "strategy: fill"),
            "band key-account: strategy fill (was: gain): it may lose unreleased units to a win",
        ),
        (
            ("service_impact == 'down'", "service_impact in ['down', 'degraded']"),
            "band machine-down takes other lines: when service_impact in ['down', 'degraded'] (was: service_impact == 'down')",
        ),
        (
            ("manual: []", "manual: [standard]"),
            "band standard: units that are set aside wait for a release command now",
        ),
        (("tolerance: 12h", "tolerance: 1d"), "a promise is published anew when it moved by more than 1d (was: 12h)"),
        (
            ("max_worsened: 1", "max_worsened: 3"),
            "others may make a promise worse 3 times, then the line is protected (was: 1)",
        ),
        (("debounce: 2s", "debounce: 0s"), "units are released 0s after they were set aside (was: 2s)"),
    ],
)
def test_a_difference_is_said_in_words(change, sentence):
    assert said(change) == [sentence]


def test_a_new_band_a_lost_band_and_a_renamed_one_are_named():
    added = said(
        (
            "  - {name: standard",
            '  - {name: dear, when: "value > 900.0", target: 2d, strategy: fill}\n  - {name: standard',
        )
    )
    (sentence,) = added
    assert sentence.startswith(
        "band dear is new, at place 3: when value > 900.0, target 2d, strategy fill (it may lose"
    )
    gone = said(("name: machine-down", "name: a"), ("name: key-account", "name: b"), ("name: standard", "name: c"))
    assert [sentence.split(" ")[1] for sentence in gone] == ["machine-down", "key-account", "standard", "a", "b", "c"]
    renamed = said(("name: key-account", "name: friends"))
    assert [sentence.split(" is ")[0] for sentence in renamed] == ["band key-account", "band friends"]


def test_only_the_bands_that_have_to_move_are_said_to_move():
    lines = BASE.splitlines()
    bands = [line for line in lines if line.startswith("  - ")]
    other = BASE.replace("\n".join(bands), "\n".join([bands[1], bands[0], bands[2]]))
    (sentence,) = differences(written(BASE, "old"), written(other, "new"))
    assert "moves from place" in sentence


def test_a_bare_true_is_the_same_as_one_in_quotes():
    assert said(('when: "true"', "when: true")) == []


def test_a_policy_with_odd_tags_is_understood_as_it_is_written():
    """What the loader of the YAML library would trip over."""
    assert said(("bands: ", "bands: !those "), ("target: 4h", "target: !!timestamp 4h")) == []
    assert said(('when: "true"', "when: true")) == []
