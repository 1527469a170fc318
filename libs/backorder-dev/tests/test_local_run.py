"""`up` and `down` over the real broker and database, with stand-ins for the services."""

import json
import os
import signal
import time

import httpx
import psutil
import pytest

from backorder_dev.commands import down, status, up
from backorder_dev.daemon import find
from backorder_dev.endpoints import read_endpoints
from backorder_dev.services import SERVICES

pytestmark = pytest.mark.stack

STAND_IN = """
import http.server, json, os, sys
if sys.argv[1:] == ["migrate"]:
    sys.exit(print("migrated"))
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({k: v for k, v in os.environ.items() if k.startswith("BACKORDER_")}).encode())
    def log_message(self, *_): pass
address = os.environ["BACKORDER_HTTP__HOST"], int(os.environ["BACKORDER_HTTP__PORT"])
http.server.ThreadingHTTPServer(address, Handler).serve_forever()
"""


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory):
    modules = tmp_path_factory.mktemp("modules")
    for service in SERVICES:
        package = modules / service.module
        package.mkdir()
        (package / "__init__.py").touch()
        (package / "__main__.py").write_text(STAND_IN)
    folder = tmp_path_factory.mktemp("run") / ".run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(modules))
        up(detach=True, run_dir=folder)
        try:
            yield folder
        finally:
            down(run_dir=folder)


def until(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def well(run_dir):
    with pytest.raises(SystemExit) as left:
        status(run_dir=run_dir)
    return left.value.code == 0


def test_everything_is_up_and_named(run_dir):
    endpoints = read_endpoints(run_dir)
    assert set(endpoints.services) == {service.name for service in SERVICES}
    assert all(psutil.pid_exists(pid) for pid in endpoints.processes().values())
    assert well(run_dir)


def test_a_service_is_told_where_the_others_are(run_dir):
    endpoints = read_endpoints(run_dir)
    told = json.loads(httpx.get(endpoints.services["notifier"]["health"], trust_env=False).text)
    assert told["BACKORDER_KAFKA__BOOTSTRAP_SERVERS"] == endpoints.kafka
    assert told["BACKORDER_KAFKA__PARTITIONS"] == "4"
    assert told["BACKORDER_DATABASE__URL"].startswith("postgresql://notifier:")
    assert f"{told['BACKORDER_SMTP__HOST']}:{told['BACKORDER_SMTP__PORT']}" == endpoints.sinks["smtp"]
    assert told["BACKORDER_TEAM__PUSH_URL"] == endpoints.sinks["push"]


def test_up_again_says_that_it_is_up(run_dir, capsys):
    supervisor = find(run_dir).pid
    up(detach=True, run_dir=run_dir)
    assert "already up" in capsys.readouterr().err
    assert find(run_dir).pid == supervisor


@pytest.mark.parametrize("name", ["gap-detector", "broker", "postgres", "sinks"])
def test_what_is_killed_comes_back_at_the_same_place(run_dir, name):
    before = read_endpoints(run_dir)
    os.kill(before.processes()[name], signal.SIGKILL)
    until(lambda: read_endpoints(run_dir).processes()[name] not in {None, before.processes()[name]})
    until(lambda: well(run_dir))
    after = read_endpoints(run_dir)
    assert (after.kafka, after.database) == (before.kafka, before.database)
    assert after.services[SERVICES[0].name]["metrics"] == before.services[SERVICES[0].name]["metrics"]


def test_down_leaves_nothing_running_and_up_finds_the_data_again(run_dir):
    before = read_endpoints(run_dir)
    family = [find(run_dir), *find(run_dir).children(recursive=True)]
    down(run_dir=run_dir)
    assert not any(process.is_running() for process in family)
    assert read_endpoints(run_dir) is None
    up(detach=True, run_dir=run_dir)
    assert read_endpoints(run_dir).database == before.database


def test_another_number_of_partitions_is_refused_with_the_reason(run_dir, capsys):
    down(run_dir=run_dir)
    with pytest.raises(SystemExit):
        up(detach=True, partitions=5, run_dir=run_dir)
    assert "has 4 partitions instead of 5" in capsys.readouterr().err
    assert find(run_dir) is None
