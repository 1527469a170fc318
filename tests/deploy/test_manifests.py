import re
from pathlib import Path
from urllib.parse import urlsplit

import jsonschema
import kubernetes_validate
import pytest
import yaml

from backorder_dev.kafka_properties import Node, properties

from .environment import known_variables
from .rendering import BUILT_IN

ROOT = Path(__file__).parents[2]
SERVICES = {"gap-detector", "inventory-sync", "priority-router", "notifier", "auditor"}
KUBERNETES = "1.34"


def closed(schema):
    """Every object that does not say otherwise has the listed properties only."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {key: closed(value) for key, value in schema.items()}
    return {"additionalProperties": False, **inner} if schema.get("type") == "object" else inner


@pytest.fixture(scope="session")
def custom_schemas():
    schemas = {}
    for path in (Path(__file__).parent / "schemas").glob("*.yaml"):
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        shared = closed(content.pop("$defs", {}))
        anything = {"apiVersion": {}, "kind": {}, "metadata": {}}
        for name, schema in content.items():
            whole = closed(schema | {"properties": schema["properties"] | anything})
            jsonschema.Draft202012Validator.check_schema(whole)
            schemas[name] = jsonschema.Draft202012Validator(whole | {"$defs": shared})
    return schemas


def test_built_in_kinds_are_valid(manifests):
    for resource in manifests.all:
        if resource["apiVersion"] in BUILT_IN:
            kubernetes_validate.validate(resource, KUBERNETES, strict=True)


def test_custom_kinds_are_valid(manifests, custom_schemas):
    kinds = set()
    for resource in manifests.all:
        if resource["apiVersion"] not in BUILT_IN:
            kind = f"{resource['apiVersion']}/{resource['kind']}"
            custom_schemas[kind].validate(resource)
            kinds.add(kind)
    if manifests.overlay == "production":
        assert kinds == set(custom_schemas), "a schema that nothing uses"


def test_everything_is_in_the_one_namespace(manifests):
    assert {each["metadata"].get("namespace") for each in manifests.all if each["kind"] != "Namespace"} == {"backorder"}


def test_all_services_are_there_with_all_that_belongs_to_one(manifests):
    for kind in ("Deployment", "Service", "ServiceAccount", "PodDisruptionBudget"):
        assert set(manifests.of(kind)) == SERVICES, kind


def test_pods_keep_to_the_restricted_pod_security_standard(manifests):
    labels = manifests.one("Namespace", "backorder")["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    for name, pod in manifests.pods.items():
        spec = pod["spec"]
        assert spec["securityContext"]["runAsNonRoot"], name
        assert spec["securityContext"]["runAsUser"] == 10001, name
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert not spec["automountServiceAccountToken"], name
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec), name
        assert all(set(volume) & {"emptyDir", "secret", "configMap"} for volume in spec["volumes"]), name
        for container in [*spec["initContainers"], *spec["containers"]]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }, name


def test_operators_pods_say_themselves_that_they_are_restricted(manifests):
    """The namespace refuses Strimzi's pods otherwise: by default the operator leaves it to the cluster."""
    templates = [pool["spec"]["template"]["kafkaContainer"] for pool in manifests.of("KafkaNodePool").values()]
    kafka = manifests.one("Kafka", "backorder")["spec"]
    templates += [*kafka["entityOperator"]["template"].values(), kafka["kafkaExporter"]["template"]["container"]]
    for template in templates:
        context = template["securityContext"]
        assert context["runAsNonRoot"]
        assert context["allowPrivilegeEscalation"] is False
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}


def test_images_are_pinned_and_migration_and_service_run_the_same_one(manifests):
    for name, pod in manifests.pods.items():
        [migration], [service] = pod["spec"]["initContainers"], pod["spec"]["containers"]
        assert migration["image"] == service["image"]
        assert migration["args"] == ["migrate"]
        assert re.fullmatch(rf"backorder/{name}:\d+\.\d+\.\d+", service["image"])


def test_probes_ask_what_they_should(manifests):
    for pod in manifests.pods.values():
        [service] = pod["spec"]["containers"]
        assert service["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": "http"}
        assert service["startupProbe"]["httpGet"] == {"path": "/healthz", "port": "http"}
        assert service["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "http"}
        assert [port["name"] for port in service["ports"]] == ["http"]


def test_a_pod_has_time_to_finish_its_batches(manifests):
    grace = 15  # BACKORDER_ENGINE__GRACE
    assert all(pod["spec"]["terminationGracePeriodSeconds"] >= 2 * grace for pod in manifests.pods.values())


def test_containers_ask_for_what_they_need_and_are_bounded_in_memory_only(manifests):
    for pod in manifests.pods.values():
        for container in [*pod["spec"]["initContainers"], *pod["spec"]["containers"]]:
            assert set(container["resources"]["requests"]) == {"cpu", "memory"}
            assert set(container["resources"]["limits"]) == {"memory"}


def test_selectors_find_the_pods_they_mean(manifests):
    for name in SERVICES:
        labels = manifests.pods[name]["metadata"]["labels"]
        for kind in ("Deployment", "PodDisruptionBudget"):
            assert manifests.one(kind, name)["spec"]["selector"]["matchLabels"].items() <= labels.items()
        assert manifests.one("Service", name)["spec"]["selector"].items() <= labels.items()
        for spread in manifests.pods[name]["spec"]["topologySpreadConstraints"]:
            assert spread["labelSelector"]["matchLabels"].items() <= labels.items()
        assert manifests.pods[name]["spec"]["serviceAccountName"] in manifests.of("ServiceAccount")
        others = [pod["metadata"]["labels"] for other, pod in manifests.pods.items() if other != name]
        selector = manifests.one("Service", name)["spec"]["selector"]
        assert not any(selector.items() <= other.items() for other in others)


def test_every_variable_is_one_that_the_service_reads(manifests):
    for name, pod in manifests.pods.items():
        known = known_variables(name) | {"DATABASE_PASSWORD"}
        for container in [*pod["spec"]["initContainers"], *pod["spec"]["containers"]]:
            names = {variable["name"] for variable in container["env"]} | set(manifests.settings)
            assert container["envFrom"] == [{"configMapRef": {"name": "backorder"}}]
            assert names <= known, f"{name} does not read {sorted(names - known)}"


def test_what_is_asked_in_a_routers_pod_is_answered_by_that_router(manifests):
    [service] = manifests.pods["priority-router"]["spec"]["containers"]
    variables = {each["name"]: each.get("value") for each in service["env"]}
    assert variables["BACKORDER_ROUTER_URL"] == f"http://127.0.0.1:{service['ports'][0]['containerPort']}"


def test_a_variable_is_defined_before_another_one_uses_it(manifests):
    for pod in manifests.pods.values():
        for container in [*pod["spec"]["initContainers"], *pod["spec"]["containers"]]:
            defined = set()
            for variable in container["env"]:
                assert set(re.findall(r"\$\((\w+)\)", variable.get("value", ""))) <= defined
                defined.add(variable["name"])


def test_a_service_uses_its_own_role_and_its_own_principal(manifests):
    [cluster] = manifests.of("Cluster")
    managed = {role["name"]: role for role in manifests.one("Cluster", cluster)["spec"]["managed"]["roles"]}
    for name, pod in manifests.pods.items():
        role = name.replace("-", "_")
        for container in [*pod["spec"]["initContainers"], *pod["spec"]["containers"]]:
            variables = {each["name"]: each for each in container["env"]}
            url = urlsplit(variables["BACKORDER_DATABASE__URL"]["value"])
            assert (url.username, url.password) == (role, "$(DATABASE_PASSWORD)")
            assert (url.hostname, url.path) == (f"{cluster}-rw", "/backorder")
            secret = variables["DATABASE_PASSWORD"]["valueFrom"]["secretKeyRef"]
            assert secret["name"] == managed[role]["passwordSecret"]["name"]
        assert managed[role]["login"]
        assert variables["BACKORDER_KAFKA__SASL_USERNAME"]["value"] == name
        assert variables["BACKORDER_KAFKA__SASL_PASSWORD"]["valueFrom"]["secretKeyRef"]["name"] == name


def test_the_database_is_made_with_the_same_sql_as_elsewhere(manifests):
    reference = manifests.one("Cluster", "backorder-db")["spec"]["bootstrap"]["initdb"]["postInitApplicationSQLRefs"]
    [script] = reference["configMapRefs"]
    assert manifests.one("ConfigMap", script["name"])["data"][script["key"]] == (
        ROOT / "deploy/postgres/schemas.sql"
    ).read_text(encoding="utf-8")


def test_production_loses_nothing_with_one_machine(production):
    kafka = production.one("Kafka", "backorder")["spec"]["kafka"]["config"]
    assert kafka["default.replication.factor"] == 3
    assert kafka["min.insync.replicas"] == 2
    assert kafka["unclean.leader.election.enable"] is False
    assert {pool["spec"]["replicas"] for pool in production.of("KafkaNodePool").values()} == {3}
    for topic in production.of("KafkaTopic").values():
        assert not {"replicas"} & set(topic["spec"]), "the cluster's default holds"
        assert "min.insync.replicas" not in topic["spec"]["config"]
    database = production.one("Cluster", "backorder-db")["spec"]
    assert database["instances"] == 3
    assert database["postgresql"]["synchronous"] == {"method": "any", "number": 1, "dataDurability": "required"}
    assert database["affinity"]["podAntiAffinityType"] == "required"
    assert production.of("ScheduledBackup")


def test_the_brokers_book_of_groups_is_compacted_early_everywhere(manifests, compose):
    cluster = manifests.one("Kafka", "backorder")["spec"]["kafka"]["config"]["offsets.topic.segment.bytes"]
    container = compose["services"]["kafka"]["environment"]["KAFKA_OFFSETS_TOPIC_SEGMENT_BYTES"]
    node = Node(1, {1: 9093}, "cluster")
    local = re.search(r"^offsets\.topic\.segment\.bytes=(\d+)$", properties(node, 9092, (), Path()), re.MULTILINE)
    assert {int(cluster), int(container), int(local[1])} == {1_048_576}
