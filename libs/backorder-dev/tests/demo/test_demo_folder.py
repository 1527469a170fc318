"""The demo's surroundings: its folder, its subscribers, the letters it reads, and when it refuses to start."""

import json
import sys

import pytest

from backorder_dev.daemon import claim
from backorder_dev.demo import command
from backorder_dev.demo.folder import fresh, notifier_url
from backorder_dev.demo.letters import SubscribeError, read_mails, read_pushes, subscribe, subscribers
from backorder_dev.demo.stories import CUSTOMERS
from backorder_dev.process import StartError

PUSH = "http://127.0.0.1:8080/push"


def test_what_an_earlier_demo_left_is_deleted(tmp_path):
    run_dir = tmp_path / ".run"
    run_dir.mkdir()
    fresh(run_dir, print)
    (run_dir / "kafka").mkdir()
    (run_dir / "kafka" / "log").write_text("old")
    (run_dir / "endpoints.json").write_text("{}")
    fresh(run_dir, print)
    assert [entry.name for entry in run_dir.iterdir()] == ["this-is-a-demo"]


def test_the_data_of_another_local_run_are_kept(tmp_path):
    run_dir, said = tmp_path / ".run", []
    for _ in range(2):
        run_dir.mkdir(exist_ok=True)
        (run_dir / "this-is-a-demo").unlink(missing_ok=True)
        (run_dir / "kafka").mkdir()
        fresh(run_dir, said.append)
    assert [entry.name for entry in run_dir.iterdir()] == ["this-is-a-demo"]
    assert (tmp_path / ".run-kept-1" / "kafka").is_dir()
    assert (tmp_path / ".run-kept-2" / "kafka").is_dir()
    assert said[0].endswith(".run-kept-1")


def test_the_claim_of_the_folder_survives(tmp_path):
    with claim(tmp_path / ".run"):
        fresh(tmp_path / ".run", print)
        fresh(tmp_path / ".run", print)
        assert (tmp_path / ".run" / "supervisor.pid").exists()


def test_the_notifiers_database_is_known_from_the_local_run(tmp_path):
    with pytest.raises(StartError, match=r"secrets\.json does not name"):
        notifier_url(tmp_path)
    (tmp_path / "secrets.json").write_text(json.dumps({"notifier": "postgresql://here/db"}))
    assert notifier_url(tmp_path) == "postgresql://here/db"


def test_everybody_in_a_scene_is_subscribed_and_some_of_the_others():
    customers = {f"C-{number}": "standard" for number in range(100, 200)} | CUSTOMERS
    contacts = subscribers(customers, seed=1, push_url=PUSH)
    assert CUSTOMERS.keys() < contacts.keys() < customers.keys()
    assert contacts["C-1"]["email"] == "parts@c-1.example"
    assert any(channels.get("push") == f"{PUSH}/{customer}" for customer, channels in contacts.items())
    assert subscribers(customers, seed=1, push_url=PUSH) == contacts


async def test_a_database_that_is_away_is_said_clearly(monkeypatch):
    monkeypatch.delenv("BACKORDER_DATABASE__URL", raising=False)
    with pytest.raises(SubscribeError, match="`backorder contacts set` failed"):
        await subscribe({"C-1": {"email": "parts@c-1.example"}}, "postgresql://nobody@127.0.0.1:1/nowhere")


def test_mails_are_known_by_their_id_and_their_envelope(tmp_path):
    head = "X-Envelope-From: a@b.example\r\nX-Envelope-To: parts@c-1.example\r\nMessage-ID: <abc@x.example>\r\n"
    (tmp_path / "1.eml").write_bytes(f"{head}To: parts@c-1.example\r\n\r\nhello\r\n".encode())
    (mail,) = read_mails(tmp_path)
    assert (mail.id, mail.to) == ("<abc@x.example>", "parts@c-1.example")


def test_pushes_are_known_by_their_key_and_their_url(tmp_path):
    entry = {"method": "POST", "path": "/push/C-1", "headers": {"Idempotency-Key": "abc"}, "body": {}}
    (tmp_path / "1.json").write_text(json.dumps(entry))
    (push,) = read_pushes(tmp_path, PUSH)
    assert (push.id, push.to) == ("abc", f"{PUSH}/C-1")


def test_the_demo_refuses_a_folder_in_which_something_is_up(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["backorder"])
    with claim(tmp_path), pytest.raises(SystemExit) as ended:
        command.demo(run_dir=tmp_path, exit=True)
    assert ended.value.code == 1
    assert "up in" in capsys.readouterr().out


def test_reading_a_topic_needs_a_local_run(tmp_path):
    with pytest.raises(SystemExit, match="nothing is up"):
        command.read("back-order-state", run_dir=tmp_path)
