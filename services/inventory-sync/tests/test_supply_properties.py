"""Whatever order and however often records come: the same level, every shipment once, the same deliveries."""

import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from supply_oracle import check, histories


@settings(deadline=None, max_examples=300)
@given(histories())
def test_any_order_and_repetition_leads_to_what_the_records_say(history):
    check(history)


# module, what stands there, what a mistake would make of it
MUTANTS = [
    ("decide", "moved = entry.version > lane.version", "moved = entry.version >= lane.version - 1"),
    ("decide", "if moved or entry.shipped:", "if moved:"),
    ("decide", "if moved or entry.shipped:", "if True:"),
    ("decide", "entry.on_hand if moved else lane.on_hand", "entry.on_hand"),
    ("decide", "return () if seen.content == content", "return () if seen.contested"),
    ("decide", "known is None or entry.version > known.version", "True"),
    ("deliveries", "known.first_promised_at if known else entry.promised_at", "entry.promised_at"),
    ("deliveries", "before.in_stock + units", "units"),
    ("deliveries", "if _listed(before) != _listed(after):", "if after.is_open:"),
    ("deliveries", "overdue=_is_overdue(after, now)", "overdue=False"),
    ("deliveries", "sorted(found, key=lambda item: item[:2])", "found"),
    ("doubts", "announced.received > delivery.in_stock", "announced.received >= delivery.in_stock"),
    ("doubts", "if delivery.in_stock > 0 else ()", "if False else ()"),
    ("doubts", "if delivery.come > announced.quantity", "if announced.received > announced.quantity"),
    ("doubts", "known.get(kind) or Doubt(kind, now)", "Doubt(kind, now)"),
    (
        "model",
        "max(self.announced.received if self.announced else 0, self.in_stock)",
        "self.announced.received if self.announced else 0",
    ),
    ("deliveries", "doubt.since + rules.grace", "doubt.since"),
    ("model", 'or self.announced.status == "cancelled"', ""),
]


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


@pytest.mark.parametrize(("module", "right", "wrong"), MUTANTS)
def test_a_mistake_is_noticed(monkeypatch, module, right, wrong):
    mistaken = _mistaken(monkeypatch, module, right, wrong)

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
