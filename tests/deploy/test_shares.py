"""Where cores are short, those that a customer's answer waits for come first: ADR 26."""

from fractions import Fraction

from backorder_dev.services import SERVICES

OTHERS = {service.name for service in SERVICES} - {"gap-detector"}
STEP = 1.25  # from one `nice` to the next, as Linux counts
AT_MOST = Fraction(1, 5)  # of the share of whoever answers


def cores(resource):
    asked = resource["resources"]["requests"]["cpu"]
    return Fraction(asked[:-1]) / 1000 if asked.endswith("m") else Fraction(asked)


def test_on_a_machine_without_containers_the_others_yield():
    nice = {service.name: service.nice for service in SERVICES}
    assert nice.pop("gap-detector") == 0
    assert all(1 / STEP**each <= AT_MOST for each in nice.values())


def test_in_containers_the_others_have_a_smaller_share(compose):
    shares = {name: service.get("cpu_shares", 1024) for name, service in compose["services"].items()}
    assert {shares[name] for name in ("gap-detector", "kafka", "postgres")} == {1024}
    assert all(Fraction(shares[name], 1024) <= AT_MOST for name in OTHERS)


def test_in_a_cluster_the_others_ask_for_less(manifests):
    asked = {name: cores(pod["spec"]["containers"][0]) for name, pod in manifests.pods.items()}
    first = asked["gap-detector"]
    assert all(asked[name] <= first * AT_MOST for name in OTHERS)
    assert cores(manifests.one("KafkaNodePool", "broker")["spec"]) >= first
    assert cores(manifests.one("Cluster", "backorder-db")["spec"]) >= first
