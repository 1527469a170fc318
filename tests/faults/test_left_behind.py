"""What a campaign finds in files: mails that did not arrive or came too often, and alarms in the logs."""

import pytest
from faults_support.left_behind import hits_notifier, look_at_logs, look_at_mails
from faults_support.plan import Injection, Kind

STARTING, CLAIMED, OVER = '{"event": "starting"}', '{"shard": 1, "event": "claimed"}', '{"event": "turn over"}'


@pytest.mark.parametrize(
    ("kind", "service", "hit"),
    [
        (Kind.KILL, "notifier", True),
        (Kind.LONG_PAUSE, "notifier", True),
        (Kind.KILL, "gap-detector", False),
        (Kind.BROKER_CUT, "notifier", False),
        (Kind.DATABASE, None, True),
        (Kind.LEADER, None, False),
    ],
)
def test_a_mail_may_come_twice_when_a_notifier_or_its_database_was_hit_and_for_nothing_else(kind, service, hit):
    assert hits_notifier(Injection(1, kind, service, 1)) == hit


def mailbox(folder, *names):
    for number, name in enumerate(names):
        (folder / f"{number}.eml").write_bytes(f"Message-ID: {name}\r\n\r\nHello".encode())
    return folder


def test_mails_arrive_and_some_twice_where_a_notifier_was_hit(tmp_path):
    found, told = look_at_mails(mailbox(tmp_path, "<a>", "<b>", "<b>"), {"<a>", "<b>"}, hits=1)
    assert (found, told) == ([], "2 mails, 1 of them twice (at most 4)")


@pytest.mark.parametrize(
    ("names", "hits", "faults"),
    [(["<a>"], 1, ["lost"]), (["<a>", "<b>", "<b>"], 0, ["doubled"]), (["<b>"] * 6, 1, ["lost", "doubled"])],
    ids=["one is missing", "twice for no reason", "too often"],
)
def test_mails_that_are_missing_or_come_too_often_are_found(tmp_path, names, hits, faults):
    found, _ = look_at_mails(mailbox(tmp_path, *names), {"<a>", "<b>"}, hits)
    assert [finding.fault for finding in found] == faults


def logs(folder, **lines):
    for name, text in lines.items():
        (folder / name).write_text("\n".join(text), "utf-8")
    return {name: folder / name for name in lines}


def test_logs_are_counted(tmp_path):
    found, told = look_at_logs(logs(tmp_path, one=[STARTING, CLAIMED, CLAIMED, OVER], two=[STARTING, "no JSON"]))
    assert (found, told) == ([], "started: 2, fenced: 0, claims: 2, turns cut short: 1")


@pytest.mark.parametrize("event", ["drift", "lane parked"])
def test_an_alarm_and_a_parked_lane_are_found(tmp_path, event):
    alarm = f'{{"lane": "K-00@W1", "event": "{event}"}}'
    (finding,), _ = look_at_logs(logs(tmp_path, one=[STARTING], two=[STARTING, alarm]))
    assert (finding.fault, finding.what) == ("wrong", f"two: {alarm}")
