"""What a report looks like, and what the command says when it cannot make one."""

import asyncio
import io
import json
from datetime import UTC, datetime

import pytest
from rich.console import Console

from auditor import audit_command, metrics
from auditor.audit_command import audit
from auditor.domain.identities import Finding, Identity
from auditor.domain.report import DRIFTS_SHOWN, Debt, Drift, Report
from auditor.settings import AuditorSettings
from auditor.show import as_json, show
from auditor.watch import Watch

AT = datetime(2026, 11, 24, 12, tzinfo=UTC)


def report():
    made = Report(AT, 0.25, checked=7, lines=9, in_flight=2)
    finding = Finding(Identity.UNITS, "P = 8 (U 0, A 8)", "P = 7", ("BO-1", "BO-2"))
    made.drift(Drift("[P]@W1", (finding, Finding(Identity.COVER, "C = 3", "C = 2")), more=4))
    made.owe(Debt("D@W1", 3))
    return made


def printed(made):
    out = io.StringIO()
    show(made, Console(file=out, width=160, highlight=False))
    return out.getvalue()


def test_a_drift_is_shown_with_lane_identity_both_numbers_and_who_is_involved():
    text = printed(report())
    assert "2026-11-24 12:00:00 UTC: 7 lanes with 9 open lines compared in 0.2 s, 2 left out" in text
    assert "1 lanes owe units that were lost after their release: D@W1 (3)" in text
    for words in ("[P]@W1", "P = U + A", "P = 8 (U 0, A 8)", "P = 7", "BO-2", "C = 2", "and 4 more findings"):
        assert words in text
    assert text.endswith("1 lanes drift\n")
    assert printed(Report(AT)).endswith("no drift\n")


def test_the_json_has_everything_that_the_table_has():
    said = json.loads(json.dumps(as_json(report())))
    assert (said["lanes_checked"], said["lanes_in_flight"], said["lanes_drifting"]) == (7, 2, 1)
    [drift] = said["drifts"]
    assert (drift["lane"], drift["more"]) == ("[P]@W1", 4)
    assert drift["findings"][0] == {
        "identity": "P = U + A",
        "expected": "P = 8 (U 0, A 8)",
        "found": "P = 7",
        "involved": ["BO-1", "BO-2"],
    }
    assert said["debts"] == [{"lane": "D@W1", "units": 3}]


def test_a_report_about_everything_is_bounded_and_says_how_much_is_not_shown():
    made = Report(AT)
    for number in range(DRIFTS_SHOWN + 7):
        made.drift(Drift(f"P{number}@W1", (Finding(Identity.COVER, "C = 3", "C = 2"),)))
    assert len(made.drifts) == DRIFTS_SHOWN
    assert "107 lanes drift, 7 of them not shown" in printed(made)


def test_options_that_contradict_each_other_are_refused(capsys):
    for options, complaint in (({"once": True, "watch": 1.0}, "contradict"), ({"watch": 0.0}, "above zero")):
        with pytest.raises(SystemExit) as left:
            audit(**options)
        assert left.value.code == 2
        assert complaint in capsys.readouterr().err


def test_without_a_system_the_command_says_what_would_help(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name in ("BACKORDER_KAFKA__BOOTSTRAP_SERVERS", "BACKORDER_DATABASE__URL"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(SystemExit) as left:
        audit()
    assert left.value.code == 2
    assert "start a local run here" in capsys.readouterr().err


@pytest.mark.parametrize(("outcome", "code"), [(True, 1), (False, None)])
def test_the_exit_code_says_whether_there_is_drift(outcome, code, monkeypatch):
    async def audited(*_, **__):
        return outcome

    monkeypatch.setenv("BACKORDER_KAFKA__BOOTSTRAP_SERVERS", "127.0.0.1:9092")
    monkeypatch.setenv("BACKORDER_DATABASE__URL", "postgresql://auditor@127.0.0.1/backorder")
    monkeypatch.setattr(audit_command, "_audit", audited)
    if code is None:
        audit()
    else:
        with pytest.raises(SystemExit) as left:
            audit()
        assert left.value.code == code


def value(metric):
    [family] = metric.collect()
    return family.samples[0].value


async def test_the_process_exports_the_outcome_and_goes_on_after_a_failure(monkeypatch):
    outcomes = [ConnectionError("no database"), report(), Report(AT, checked=8)]
    stop = asyncio.Event()
    watch = Watch(AuditorSettings(audit={"every": 0.001}), None, lambda: AT)
    seen = []

    async def audited(_):
        seen.append((watch.problem, value(metrics.DRIFTING_LANES)))
        outcome = outcomes.pop(0)
        if not outcomes:
            stop.set()
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr(watch, "_audit", audited)
    monkeypatch.setattr("auditor.watch._FIRST_PAUSE", 0.001)
    before = value(metrics.DRIFTING_LANES)
    await watch.run(stop)
    assert seen == [
        ("the first audit has not come to an end", before),
        ("ConnectionError: no database", before),
        (None, 1.0),
    ]
    assert [value(each) for each in (metrics.DRIFTING_LANES, metrics.LANES_CHECKED)] == [0.0, 8.0]
    assert value(metrics.LAST_SUCCESS) == AT.timestamp()
