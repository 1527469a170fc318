"""Whatever order and however often records come: the same level, every shipment once, the same deliveries."""

import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from supply_mutants import MUTANTS
from supply_oracle import check, histories


@settings(deadline=None, max_examples=300)
@given(histories())
def test_any_order_and_repetition_leads_to_what_the_records_say(history):
    check(history)


def _mistaken(monkeypatch, module, right, wrong):
    """What decides and what tells, as they would be with a mistake in one of the domain's modules."""
    copies = {}
    for name in ("domain.model", "domain.doubts", "domain.deliveries", "domain.decide", "publish"):
        full = f"inventory_sync.{name}"
        source = Path(find_spec(full).origin).read_text()
        if name == f"domain.{module}":
            assert source.count(right) == 1, "the mutant's line is not in the source any more"
            source = source.replace(right, wrong)
        copies[name] = copy = ModuleType(full)
        monkeypatch.setitem(sys.modules, full, copy)
        package, _, short = full.rpartition(".")
        monkeypatch.setattr(sys.modules[package], short, copy)
        exec(compile(source, full, "exec"), copy.__dict__)  # noqa: S102 - our own source
    return copies["domain.decide"].decide, copies["publish"].Teller


@pytest.mark.parametrize("mutant", MUTANTS, ids=[mutant[0].replace(" ", "-") for mutant in MUTANTS])
def test_a_mistake_is_noticed(monkeypatch, mutant):
    _, *mistake = mutant
    mistaken = _mistaken(monkeypatch, *mistake)

    @settings(
        deadline=None,
        max_examples=1_000,
        derandomize=True,
        database=None,
        phases=(Phase.generate,),
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    @given(histories())
    def run(history):
        check(history, mistaken)

    with pytest.raises((AssertionError, LookupError)):
        run()
