"""`backorder topics`: where it looks for the broker."""

import json

import pytest

from backorder_runtime import topic_commands


@pytest.fixture
def asked(tmp_path, monkeypatch):
    """The brokers that were asked to make topics; nothing is said by the environment."""
    monkeypatch.delenv("BACKORDER_KAFKA__BOOTSTRAP_SERVERS", raising=False)
    monkeypatch.chdir(tmp_path)
    asked = []

    async def create_topics(kafka, *, replication):
        asked.append((kafka.bootstrap_servers, kafka.partitions, replication))
        return ["order-line"]

    monkeypatch.setattr(topic_commands, "create_topics", create_topics)
    return asked


def test_topics_are_made_on_the_broker_of_the_local_run(asked, tmp_path, capsys):
    (tmp_path / ".run").mkdir()
    (tmp_path / ".run" / "endpoints.json").write_text(json.dumps({"kafka": "127.0.0.1:4711", "partitions": 7}))
    topic_commands.create()
    assert asked == [("127.0.0.1:4711", 7, 1)]
    assert capsys.readouterr().out == "1 topics created: order-line\n"


def test_without_a_broker_it_says_what_to_set_and_makes_none(asked, capsys):
    with pytest.raises(SystemExit):
        topic_commands.create()
    assert "set BACKORDER_KAFKA__BOOTSTRAP_SERVERS" in capsys.readouterr().err
    assert asked == []
