import json

import pytest

from backorder_runtime import local_settings
from backorder_runtime.local_settings import NoSystem


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A folder beside a local run; nothing is said by the environment."""
    for name in ("BACKORDER_KAFKA__BOOTSTRAP_SERVERS", "BACKORDER_DATABASE__URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / ".run"
    folder.mkdir()
    return folder


ENDPOINTS = {
    "kafka": "127.0.0.1:4711",
    "partitions": 7,
    "database": "postgresql://admin@127.0.0.1:1/backorder",
    "services": {"priority-router": {"metrics": "http://127.0.0.1:9/metrics"}},
}


def test_beside_a_local_run_everything_is_found(run):
    (run / "endpoints.json").write_text(json.dumps(ENDPOINTS))
    found = local_settings.kafka_settings()
    assert (found.bootstrap_servers, found.partitions) == ("127.0.0.1:4711", 7)
    assert local_settings.database_url("notifier").endswith("/backorder?search_path=notifier")
    assert local_settings.service_url("priority-router") == "http://127.0.0.1:9"
    assert local_settings.service_url("console") is None
    (run / "secrets.json").write_text(json.dumps({"notifier": "postgresql://notifier@127.0.0.1:1/backorder"}))
    assert local_settings.database_url("notifier") == "postgresql://notifier@127.0.0.1:1/backorder"


def test_the_environment_comes_first(run, monkeypatch):
    (run / "endpoints.json").write_text(json.dumps(ENDPOINTS))
    monkeypatch.setenv("BACKORDER_KAFKA__BOOTSTRAP_SERVERS", "broker:1")
    monkeypatch.setenv("BACKORDER_DATABASE__URL", "postgresql://elsewhere/db")
    assert local_settings.kafka_settings().bootstrap_servers == "broker:1"
    assert local_settings.database_url("notifier") == "postgresql://elsewhere/db"


def test_without_either_the_message_says_what_to_set(run):
    with pytest.raises(NoSystem, match="set BACKORDER_KAFKA__BOOTSTRAP_SERVERS"):
        local_settings.kafka_settings()
    with pytest.raises(NoSystem, match="set BACKORDER_DATABASE__URL"):
        local_settings.database_url("notifier")
    (run / "endpoints.json").write_text("[]")
    with pytest.raises(NoSystem, match="not what a local run writes"):
        local_settings.kafka_settings()
