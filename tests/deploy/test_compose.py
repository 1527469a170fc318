import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from backorder_dev.postgres import BY_BYTES
from backorder_runtime.settings import HttpSettings

from .environment import known_variables, settings_class

ROOT = Path(__file__).parents[2]
OWNERS = ("gap-detector", "inventory-sync", "priority-router", "notifier")
"""Services with a schema of their own."""
SERVICES = (*OWNERS, "auditor")
JOBS = {"topics", *(f"{name}-migration" for name in OWNERS)}


@pytest.fixture
def passwords(tmp_path):
    """What the password script writes, run in a copy of where it stands."""
    script = tmp_path / "deploy/compose/passwords.sh"
    script.parent.mkdir(parents=True)
    script.write_bytes((ROOT / "deploy/compose/passwords.sh").read_bytes())
    script.chmod(0o755)
    subprocess.run([script], check=True, capture_output=True)
    first = (tmp_path / ".env").read_text(encoding="utf-8")
    assert (tmp_path / ".env").stat().st_mode & 0o077 == 0, "others can read the passwords"
    subprocess.run([script], check=True, capture_output=True)
    assert (tmp_path / ".env").read_text(encoding="utf-8") == first, "an existing file must stay"
    return dict(line.split("=", 1) for line in first.splitlines())


def strings(value):
    if isinstance(value, dict):
        for inner in value.values():
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)
    else:
        yield str(value)


def test_docker_accepts_the_file(passwords):
    command = ["docker", "compose"]
    if not shutil.which("docker") or subprocess.run([*command, "version"], capture_output=True, check=False).returncode:
        pytest.skip("docker compose is not here: only our own checks have read docker-compose.yml")
    done = subprocess.run(
        [*command, "--file", ROOT / "docker-compose.yml", "config", "--quiet"],
        env=os.environ | passwords, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_the_database_compares_keys_as_that_of_a_local_run_does(compose):
    assert compose["services"]["postgres"]["environment"]["POSTGRES_INITDB_ARGS"] == " ".join(BY_BYTES)


def test_every_dependency_exists_and_can_be_met(compose):
    for name, service in compose["services"].items():
        for other, dependency in service.get("depends_on", {}).items():
            target = compose["services"][other]
            if dependency["condition"] == "service_healthy":
                assert "test" in target["healthcheck"], f"{name} waits for {other}, which says nothing of its health"
            else:
                assert dependency["condition"] == "service_completed_successfully"
                assert other in JOBS, f"{name} waits for the end of {other}, which does not end"


def test_a_service_starts_after_its_topics_and_its_schema(compose):
    for name in OWNERS:
        dependencies = compose["services"][name]["depends_on"]
        assert dependencies["topics"] == {"condition": "service_completed_successfully"}
        assert dependencies[f"{name}-migration"] == {"condition": "service_completed_successfully"}
        migration = compose["services"][f"{name}-migration"]
        assert migration["command"] == ["migrate"]
        assert migration["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    auditor = compose["services"]["auditor"]["depends_on"]
    assert set(auditor) == {"topics", "gap-detector-migration", "priority-router-migration"}
    assert compose["services"]["topics"]["entrypoint"] == ["backorder", "topics", "create"]
    assert compose["services"]["topics"]["depends_on"] == {"kafka": {"condition": "service_healthy"}}


def test_an_image_is_built_once_and_jobs_wait_for_that_build(compose):
    """Two builds of one image collide; a job that pulls asks a registry for an image that is only here."""
    for name in SERVICES:
        service = compose["services"][name]
        assert (ROOT / service["build"]["dockerfile"]).is_file()
        assert service["build"]["dockerfile"] == f"services/{name}/Dockerfile"
        assert service["pull_policy"] == "build"
        if name in OWNERS:
            assert compose["services"][f"{name}-migration"]["image"] == service["image"]
    built = {compose["services"][name]["image"] for name in SERVICES}
    for name in JOBS:
        assert "build" not in compose["services"][name]
        assert compose["services"][name]["pull_policy"] == "never"
        assert compose["services"][name]["image"] in built


def test_images_are_pinned(compose):
    for name, service in compose["services"].items():
        assert re.fullmatch(r"[\w./-]+:v?\d+\.\d+(\.\d+)?", service["image"]), name


def test_every_variable_is_one_that_the_service_reads(compose):
    for name in (*SERVICES, *JOBS):
        reader = name.removesuffix("-migration") if name != "topics" else "gap-detector"
        names = set(compose["services"][name]["environment"])
        assert names <= known_variables(reader), f"{name}: {sorted(names - known_variables(reader))}"


def test_what_is_asked_in_a_routers_container_is_answered_by_that_router(compose):
    environment = compose["services"]["priority-router"]["environment"]
    port = environment.get("BACKORDER_HTTP__PORT", HttpSettings.model_fields["port"].default)
    assert environment["BACKORDER_ROUTER_URL"] == f"http://127.0.0.1:{port}"


@pytest.mark.parametrize("name", SERVICES)
def test_the_settings_of_a_service_are_accepted(compose, passwords, name, monkeypatch):
    for variable in [variable for variable in os.environ if variable.startswith("BACKORDER_")]:
        monkeypatch.delenv(variable)
    for variable, value in compose["services"][name]["environment"].items():
        monkeypatch.setenv(variable, re.sub(r"\$\{(\w+):\?[^}]*\}", lambda match: passwords[match[1]], value))
    settings = settings_class(name)()
    [host] = settings.database.url.hosts()
    assert host["username"] == name.replace("-", "_")
    assert host["password"] == passwords[f"{name.replace('-', '_').upper()}_PASSWORD"]
    assert host["host"] in compose["services"]
    assert settings.kafka.bootstrap_servers.split(":")[0] in compose["services"]


def test_no_password_is_written_down(compose, passwords):
    """Passwords come from `.env`, which the script makes and nobody commits; a missing one is refused by name."""
    used = set()
    for service in compose["services"].values():
        for name, value in service.get("environment", {}).items():
            used |= set(re.findall(r"\$\{(\w+)", value))
            if "PASSWORD" in name:
                assert re.fullmatch(r"\$\{\w+_PASSWORD:\?[^}]+\}", value), name
            assert not re.search(r"://\w+:(?!\$\{\w+:\?)[^@/]*@", value), name
    assert used == set(passwords)
    assert len(set(passwords.values())) == len(passwords)
    assert all(re.fullmatch(r"[0-9a-f]{48}", password) for password in passwords.values()), "goes into a URL as it is"


def test_everything_listens_on_this_machine_only(compose):
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert ports
    assert all(re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port) for port in ports)
    assert len({port.split(":")[1] for port in ports}) == len(ports)


def test_what_is_mounted_exists(compose):
    volumes = [volume for service in compose["services"].values() for volume in service.get("volumes", [])]
    for volume in volumes:
        source = volume.split(":")[0]
        if source.startswith("./"):
            assert (ROOT / source).exists(), source
            assert volume.endswith(":ro"), volume
        else:
            assert source in compose["volumes"], source
    scripts = [volume for volume in volumes if ".sh:" in volume]
    assert scripts
    assert all(os.access(ROOT / volume.split(":")[0], os.X_OK) for volume in scripts)


def test_services_run_confined(compose):
    for name in (*SERVICES, *JOBS):
        service = compose["services"][name]
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["tmpfs"] == ["/tmp"]  # noqa: S108 - the container's own


def test_the_broker_keeps_to_one_copy_and_makes_no_topics_by_itself(compose):
    broker = compose["services"]["kafka"]["environment"]
    assert broker["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false"
    factors = {name: value for name, value in broker.items() if name.endswith(("REPLICATION_FACTOR", "MIN_ISR"))}
    assert len(factors) == 6
    assert set(factors.values()) == {"1"}
    listeners = {item.split("://")[0] for item in broker["KAFKA_LISTENERS"].split(",")}
    mapped = {item.split(":")[0] for item in broker["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"].split(",")}
    advertised = {item.split("://")[0] for item in broker["KAFKA_ADVERTISED_LISTENERS"].split(",")}
    assert listeners == mapped == advertised | {broker["KAFKA_CONTROLLER_LISTENER_NAMES"]}
    assert broker["KAFKA_LOG_DIRS"] in {volume.split(":")[1] for volume in compose["services"]["kafka"]["volumes"]}
