"""The endpoints file and the pid file of the local run."""

import json
import os
import stat
import subprocess
import sys

import pytest

from backorder_dev.daemon import AlreadyUpError, claim, find, shut_down
from backorder_dev.endpoints import Endpoints, read_endpoints, remove_endpoints, write_endpoints


def endpoints(**changes):
    known = {
        "kafka": "127.0.0.1:9092",
        "database": "postgresql://postgres:secret@127.0.0.1:5432/backorder",
        "mailbox": "/run/mailbox",
        "push": "/run/push",
        "partitions": 4,
        "broker": {"pid": 1},
        "postgres": {"pid": 2},
        "services": {"notifier": {"pid": 3, "metrics": "http://m", "health": "http://h"}},
    }
    return Endpoints(**known | changes)


def test_what_is_written_is_read(tmp_path):
    write_endpoints(tmp_path, endpoints())
    assert read_endpoints(tmp_path) == endpoints()


def test_the_file_has_the_documented_keys(tmp_path):
    write_endpoints(tmp_path, endpoints())
    written = json.loads((tmp_path / "endpoints.json").read_text())
    assert {
        "kafka",
        "database",
        "console",
        "mailbox",
        "push",
        "services",
        "broker",
        "postgres",
        "partitions",
    } <= set(written)
    assert written["console"] is None
    assert set(written["services"]["notifier"]) == {"pid", "metrics", "health"}


def test_the_file_is_for_its_owner_only_since_it_has_a_password(tmp_path):
    write_endpoints(tmp_path, endpoints())
    assert stat.S_IMODE((tmp_path / "endpoints.json").stat().st_mode) == 0o600


def test_a_new_state_replaces_the_file_and_leaves_no_draft(tmp_path):
    write_endpoints(tmp_path, endpoints())
    before = (tmp_path / "endpoints.json").stat().st_ino
    write_endpoints(tmp_path, endpoints(broker={"pid": 9}))
    assert read_endpoints(tmp_path).broker == {"pid": 9}
    assert (tmp_path / "endpoints.json").stat().st_ino != before
    assert [path.name for path in tmp_path.iterdir()] == ["endpoints.json"]


def test_no_file_means_that_nothing_is_up(tmp_path):
    remove_endpoints(tmp_path)
    assert read_endpoints(tmp_path) is None


def test_a_folder_has_one_supervisor_at_a_time(tmp_path):
    with claim(tmp_path):
        assert find(tmp_path).pid == os.getpid()
        with pytest.raises(AlreadyUpError), claim(tmp_path):
            pass
    assert find(tmp_path) is None


@pytest.mark.parametrize("content", ["", "{}", "17", '{"pid": 999999999, "started": 1}'])
def test_a_stale_pid_file_counts_as_none(tmp_path, content):
    (tmp_path / "supervisor.pid").write_text(content)
    assert find(tmp_path) is None


def test_down_leaves_a_process_alone_that_only_has_the_same_number(tmp_path):
    stranger = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        (tmp_path / "supervisor.pid").write_text(json.dumps({"pid": stranger.pid, "started": 1.0}))
        write_endpoints(tmp_path, endpoints())
        assert shut_down(tmp_path) is False
        assert stranger.poll() is None
        assert read_endpoints(tmp_path) is None
    finally:
        stranger.communicate(b"\n")
