"""Who may do what: secrets, Kafka principals, network flows, and how far scaling may go."""

import os
import re
import subprocess
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from backorder_contracts.topics import TOPICS
from backorder_runtime.settings import DatabaseSettings

ROOT = Path(__file__).parents[2]
SERVICES = {"gap-detector", "inventory-sync", "priority-router", "notifier", "auditor"}


@pytest.fixture(scope="session")
def made_secrets():
    """The secrets that `secrets.sh` makes, by name."""
    given = os.environ | {"SMTP_USERNAME": "postmaster", "SMTP_PASSWORD": 'a "b" $c'}
    script = ROOT / "deploy/k8s/secrets.sh"
    text = subprocess.run([script], env=given, check=True, capture_output=True, text=True).stdout
    return {each["metadata"]["name"]: each for each in yaml.safe_load_all(text) if each}


def walk(value, path=()):
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from walk(inner, (*path, key))
    elif isinstance(value, list):
        for inner in value:
            yield from walk(inner, path)
    else:
        yield path, value


def secret_references(resource):
    """The secrets that a resource names, with the keys it wants of them."""
    for reference in (each for each in _mappings(resource)):
        if "secretKeyRef" in reference:
            yield reference["secretKeyRef"]["name"], reference["secretKeyRef"]["key"]
        if "passwordSecret" in reference:
            yield reference["passwordSecret"]["name"], "password"
        if "secretName" in reference:
            yield from ((reference["secretName"], item["key"]) for item in reference["items"])
        for target in reference.get("secretTargetRef", []):
            yield target["name"], target["key"]


def _mappings(value):
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _mappings(inner)


def test_no_secret_stands_in_the_manifests(manifests):
    assert not manifests.of("Secret")
    for resource in manifests.all:
        for variable in _mappings(resource):
            if re.search(r"PASSWORD|TOKEN|SECRET|_KEY$", str(variable.get("name", ""))):
                assert "value" not in variable, variable
        for path, value in walk(resource):
            assert not re.search(r"://[^:/@\s]+:(?!\$\()[^@\s]+@", str(value)), path


def test_every_secret_that_is_used_is_made_by_somebody(manifests, made_secrets):
    made = {(name, key) for name, secret in made_secrets.items() for key in secret["data"]}
    made |= {(user, "password") for user in manifests.of("KafkaUser")}
    made |= {(f"{name}-cluster-ca-cert", "ca.crt") for name in manifests.of("Kafka")}
    made |= {(f"{name}-ca", "ca.crt") for name in manifests.of("Cluster")}
    used = {reference for resource in manifests.all for reference in secret_references(resource)}
    assert used
    assert used <= made
    assert {name for name, _ in used} >= set(made_secrets), "a secret that nobody uses"


def test_made_secrets_are_valid_and_never_the_same_twice(made_secrets):
    for secret in made_secrets.values():
        kubernetes_validate.validate(secret, "1.34", strict=True)
    passwords = [secret["data"]["password"] for secret in made_secrets.values()]
    assert len(set(passwords)) == len(passwords)


def test_kafka_lets_nobody_in_without_tls_and_a_name(manifests):
    kafka = manifests.one("Kafka", "backorder")["spec"]["kafka"]
    assert kafka["authorization"] == {"type": "simple"}
    assert kafka["config"]["auto.create.topics.enable"] is False
    for listener in kafka["listeners"]:
        assert listener["tls"]
        assert listener["authentication"] == {"type": "scram-sha-512"}
        assert listener["networkPolicyPeers"]
    assert manifests.settings["BACKORDER_KAFKA__SECURITY_PROTOCOL"] == "SASL_SSL"
    assert manifests.settings["BACKORDER_KAFKA__SASL_MECHANISM"] == "SCRAM-SHA-512"
    assert manifests.settings["PGSSLMODE"] == "verify-full"


def test_certificate_files_are_mounted_where_the_settings_look_for_them(manifests):
    for pod in manifests.pods.values():
        mounts = {mount["mountPath"]: mount["name"] for mount in pod["spec"]["containers"][0]["volumeMounts"]}
        secrets = {each["name"]: each["secret"]["secretName"] for each in pod["spec"]["volumes"] if "secret" in each}
        for variable, secret in (
            ("BACKORDER_KAFKA__SSL_CAFILE", "backorder-cluster-ca-cert"),
            ("PGSSLROOTCERT", "backorder-db-ca"),
        ):
            folder, name = manifests.settings[variable].rsplit("/", 1)
            assert name == "ca.crt"
            assert secrets[mounts[folder]] == secret


def test_nobody_may_do_more_than_read_write_and_look(manifests):
    for name, user in manifests.of("KafkaUser").items():
        for rule in user["spec"]["authorization"]["acls"]:
            assert set(rule["operations"]) <= {"Read", "Write", "Describe"}, name
            if rule["resource"]["name"] == "*":
                assert rule["operations"] == ["Describe"], name


def test_services_are_alone_in_writing_what_they_own(manifests):
    for topic in TOPICS.values():
        writers = {
            name
            for name, user in manifests.of("KafkaUser").items()
            for rule in user["spec"]["authorization"]["acls"]
            if rule["resource"] == {"type": "topic", "name": topic.name, "patternType": "literal"}
            and "Write" in rule["operations"]
        }
        assert writers == set(topic.publishers) | ({"operators"} if topic.direction == "in" else set())


def test_services_may_read_what_their_shards_write(manifests):
    """At its start a service compares that with its database."""
    for topic in TOPICS.values():
        for service in SERVICES & set(topic.publishers) if topic.partitions == "lane" else ():
            rules = manifests.one("KafkaUser", service)["spec"]["authorization"]["acls"]
            (rule,) = [rule for rule in rules if rule["resource"]["name"] == topic.name]
            assert rule["operations"] == ["Read", "Write"], (service, topic.name)


def test_operators_may_read_whatever_they_may_write(manifests):
    """`backorder policy apply` reads which policy is in force before it writes another."""
    for rule in manifests.one("KafkaUser", "operators")["spec"]["authorization"]["acls"]:
        assert "Read" in rule["operations"], rule["resource"]["name"]


def test_internal_topics_are_closed_to_everybody_else(manifests):
    internal = {topic.name for topic in TOPICS.values() if topic.direction == "internal"}
    for name, user in manifests.of("KafkaUser").items():
        touched = {rule["resource"]["name"] for rule in user["spec"]["authorization"]["acls"]}
        assert name in SERVICES or not touched & internal, name


def test_lane_keyed_topics_have_the_partitions_that_the_services_expect(manifests):
    lanes = int(manifests.settings["BACKORDER_KAFKA__PARTITIONS"])
    assert set(manifests.of("KafkaTopic")) == set(TOPICS)
    for name, topic in manifests.of("KafkaTopic").items():
        assert topic["spec"]["partitions"] == TOPICS[name].partition_count(lanes)


def test_scaling_stops_where_a_further_pod_would_own_nothing(production):
    lanes = int(production.settings["BACKORDER_KAFKA__PARTITIONS"])
    assert set(production.of("ScaledObject")) == SERVICES - {"auditor"}, "one auditor is enough"
    assert production.one("Deployment", "auditor")["spec"]["replicas"] == 1
    for name, scaled in production.of("ScaledObject").items():
        assert scaled["spec"]["scaleTargetRef"]["name"] == name
        assert "replicas" not in production.one("Deployment", name)["spec"], "KEDA and kubectl would fight over it"
        assert 1 <= scaled["spec"]["minReplicaCount"] <= scaled["spec"]["maxReplicaCount"] <= lanes


def test_scaling_looks_at_the_groups_that_the_service_reads_in(production):
    seen = {}
    for name, scaled in production.of("ScaledObject").items():
        reads = [topic for topic in TOPICS.values() if name in topic.consumers]
        roles = {"lanes"} | ({"intake"} if any(topic.direction == "in" for topic in reads) else set())
        groups = {trigger["metadata"]["consumerGroup"] for trigger in scaled["spec"]["triggers"]}
        assert groups == {f"backorder.{name}.{role}" for role in roles}
        for trigger in scaled["spec"]["triggers"]:
            assert trigger["authenticationRef"]["name"] in production.of("TriggerAuthentication")
            seen[trigger["metadata"]["username"]] = trigger["metadata"]["bootstrapServers"]
    assert seen == {"keda": "backorder-kafka-bootstrap.backorder.svc:9093"}
    assert "keda" in production.of("KafkaUser")


def test_the_database_has_a_connection_for_every_pod_there_can_be(manifests):
    pool = DatabaseSettings.model_fields["pool"].default
    most = dict.fromkeys(SERVICES, 1) | {
        name: scaled["spec"]["maxReplicaCount"] for name, scaled in manifests.of("ScaledObject").items()
    }
    during_rollout = sum(most.values()) + len(SERVICES)
    limit = int(manifests.one("Cluster", "backorder-db")["spec"]["postgresql"]["parameters"]["max_connections"])
    assert during_rollout * pool + 20 <= limit, "20 for the operator, replication and people"


def test_nothing_goes_in_or_out_unless_a_policy_says_so(manifests):
    policies = manifests.of("NetworkPolicy")
    assert policies["default-deny"]["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    for name, policy in policies.items():
        spec = policy["spec"]
        assert spec["policyTypes"], name
        for rule in spec.get("ingress", []):
            assert rule.get("from"), f"{name} lets everybody in"
        for rule in spec.get("egress", []):
            assert rule.get("ports"), f"{name} lets everything out"


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_a_service_reaches_what_it_needs_and_nothing_else(manifests, service):
    labels = manifests.pods[service]["metadata"]["labels"]
    ports = set()
    for policy in manifests.of("NetworkPolicy").values():
        if policy["spec"]["podSelector"].get("matchLabels", {}).items() <= labels.items():
            ports |= {port["port"] for rule in policy["spec"].get("egress", []) for port in rule["ports"]}
    needed = {53, 9093, 5432}
    assert ports == (needed | {443, 465, 587} if service == "notifier" else needed)


def test_the_notifier_cannot_be_led_into_the_network(manifests):
    [rule] = manifests.one("NetworkPolicy", "notifier-outside")["spec"]["egress"]
    closed = {network for peer in rule["to"] for network in peer["ipBlock"]["except"]}
    assert {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "127.0.0.0/8"} <= closed
    assert {"fc00::/7", "fe80::/10", "::ffff:0:0/96"} <= closed
