"""The commands as they are typed, against a topic that is a list."""

from datetime import UTC, datetime

import pytest

from backorder_contracts.policy import PolicyApplied
from priority_router import policy_commands, policy_topic
from priority_router.policy_file import default_text

OTHER = default_text().replace('"2026-11-24.1"', '"v2"').replace("target: 4h", "target: 2h")


@pytest.fixture
def topic(monkeypatch, tmp_path):
    """What was published; commands run in an empty folder."""
    events: list[PolicyApplied] = []

    async def applied(_kafka):
        return list(events)

    async def apply(_kafka, version, text, by, at):
        events.append(PolicyApplied(version=version, text=text, applied_by=by, applied_at=at))

    monkeypatch.setattr(policy_topic, "applied", applied)
    monkeypatch.setattr(policy_topic, "apply", apply)
    monkeypatch.setenv("BACKORDER_KAFKA__BOOTSTRAP_SERVERS", "nowhere:1")
    monkeypatch.chdir(tmp_path)
    return events


@pytest.fixture
def run(capsys, tmp_path):
    """Runs a command with a file of this text: exit code, output, errors."""

    def call(command, text=None, *words):
        file = tmp_path / "policy.yaml"
        if text is not None:
            file.write_text(text, "utf-8")
        arguments = [command, *([str(file)] if text is not None else []), *words]
        try:
            policy_commands.app(arguments, exit_on_error=False, result_action="return_value")
            code = 0
        except SystemExit as exit_:
            code = exit_.code
        out, err = capsys.readouterr()
        return code, out, err.replace(str(tmp_path) + "/", "")

    return call


def test_check_says_what_is_usable(run):
    code, out, _ = run("check", OTHER)
    assert code == 0
    assert "version v2 can be put into force" in out
    assert "machine-down (win, 2h)" in out


def test_check_and_apply_say_each_mistake_with_its_line_and_publish_nothing(run, topic):
    broken = OTHER.replace("strategy: win", "strategy: steal").replace("tier in", "teir in")
    for command in ("check", "apply"):
        code, _, err = run(command, broken)
        assert code == 1
        lines = err.splitlines()
        assert [line.split(": ")[0] for line in lines] == ["policy.yaml:5", "policy.yaml:6"]
        assert "choose one of win, gain, fill" in lines[0]
        assert "did you mean tier?" in lines[1]
    assert topic == []


def test_a_file_that_is_not_there_or_not_text_is_said_plainly(run, tmp_path):
    code, _, err = run("check", None, str(tmp_path / "missing.yaml"))
    assert code == 1
    assert "missing.yaml cannot be read" in err
    (tmp_path / "b.yaml").write_bytes(b"\xff\xfe")
    assert run("check", None, str(tmp_path / "b.yaml"))[2].startswith("b.yaml:1: the file is not UTF-8")


def test_apply_publishes_the_text_as_it_was_written_and_says_who_did_it(run, topic):
    code, out, _ = run("apply", OTHER, "--by", "ops-7")
    assert code == 0
    assert "version v2 is in force" in out
    assert (topic[0].version, topic[0].text, topic[0].applied_by) == ("v2", OTHER, "ops-7")


def test_apply_refuses_a_version_that_was_in_force_with_another_content(run, topic):
    run("apply", OTHER)
    for text in (OTHER.replace("target: 2h", "target: 3h"), default_text().replace("72h", "96h")):
        code, _, err = run("apply", text)
        assert code == 1
        assert "write another version into the file" in err
    assert len(topic) == 1


def test_apply_of_what_is_in_force_publishes_nothing_and_going_back_is_allowed(run, topic):
    run("apply", OTHER)
    assert "in force already" in run("apply", OTHER)[1]
    assert run("apply", default_text())[0] == 0
    assert run("apply", OTHER)[0] == 0
    assert [event.version for event in topic] == ["v2", "2026-11-24.1", "v2"]


def test_show_prints_the_policy_in_force_or_the_one_that_holds_from_the_start(run, topic):
    assert run("show")[1] == default_text()
    run("apply", OTHER, "--by", "ops-7")
    code, out, err = run("show")
    assert (code, out) == (0, OTHER)
    assert "by ops-7" in err


def test_show_and_diff_leave_out_what_routers_leave_out(run, topic):
    run("apply", OTHER)
    topic.append(PolicyApplied(version="bad", text="bands: []", applied_by="x", applied_at=datetime.now(UTC)))
    assert run("show")[1] == OTHER


def test_diff_says_in_words_what_would_change(run, topic):
    _, out, _ = run("diff", OTHER)
    assert out.splitlines() == [
        "2026-11-24.1 → v2: 1 difference",
        "- band machine-down: lines without a date of their own are due after 2h (was: 4h)",
    ]
    run("apply", OTHER)
    assert run("diff", OTHER)[1] == "no difference\n"


def test_without_a_broker_the_command_says_how_to_name_one(run, monkeypatch):
    monkeypatch.delenv("BACKORDER_KAFKA__BOOTSTRAP_SERVERS", raising=False)
    for command, text in (("show", None), ("diff", OTHER), ("apply", OTHER)):
        code, _, err = run(command, text)
        assert code == 1
        assert "set BACKORDER_KAFKA__BOOTSTRAP_SERVERS, or start a local run here" in err
