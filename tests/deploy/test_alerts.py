import inspect
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import promql_parser
import pytest
import yaml
from prometheus_client.metrics import MetricWrapperBase

from auditor import metrics as auditor_metrics
from auditor.settings import AuditSettings
from backorder_contracts.refusal import Reason
from backorder_runtime import telemetry
from notifier import metrics as notifier_metrics

from .environment import known_variables
from .promql import metrics_and_labels

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "deploy/prometheus"
RUNBOOKS = ROOT / "docs/runbooks"
SERVICES = {"gap-detector", "inventory-sync", "priority-router", "notifier", "auditor"}
HEADINGS = ["Meaning", "Impact", "Diagnosis", "Mitigation"]


def read(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


CATALOGUE = read(PROMETHEUS / "metrics.yaml")
ALERTS = {
    rule["alert"]: rule for group in read(PROMETHEUS / "rules/backorder.yaml")["groups"] for rule in group["rules"]
}


@pytest.mark.parametrize("alert", sorted(ALERTS))
def test_an_alert_asks_for_metrics_and_labels_that_exist(alert):
    metrics, labels = metrics_and_labels(ALERTS[alert]["expr"], CATALOGUE)
    assert metrics
    carried = {label for metric in metrics for label in metric.labels}
    assert labels <= carried, f"nothing carries {sorted(labels - carried)}"


@pytest.mark.parametrize("alert", sorted(ALERTS))
def test_an_alert_says_what_happened_and_what_to_do(alert):
    rule = ALERTS[alert]
    assert rule["labels"]["severity"] in {"warning", "critical"}
    assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}
    _, labels = metrics_and_labels(rule["expr"], CATALOGUE)
    for text in rule["annotations"].values():
        assert set(re.findall(r"\$labels\.(\w+)", text)) <= labels
    assert rule["annotations"]["runbook_url"].endswith(f"/docs/runbooks/{alert}.md")
    assert (RUNBOOKS / f"{alert}.md").is_file()


def test_an_audit_may_fail_twice_before_anybody_is_told():
    (seconds,) = re.findall(r"> (\d+)$", ALERTS["BackorderAuditStale"]["expr"])
    assert int(seconds) >= 3 * AuditSettings().every


def test_every_runbook_has_its_alert_and_its_four_headings():
    pages = {path.stem: path.read_text(encoding="utf-8") for path in RUNBOOKS.glob("*.md") if path.stem != "README"}
    assert set(pages) == set(ALERTS)
    for name, text in pages.items():
        assert text.startswith(f"# {name}\n")
        assert re.findall(r"^## (.+)$", text, re.MULTILINE) == HEADINGS, name
        for section in text.split("\n## ")[1:]:
            assert len(section.split()) > 10, f"{name}: {section.splitlines()[0]} says nothing"


def test_the_index_of_the_runbooks_names_every_alert_with_its_severity():
    rows = re.findall(
        r"^\| \[(\w+)\]\((\w+)\.md\) \| (\w+) \|", (RUNBOOKS / "README.md").read_text("utf-8"), re.MULTILINE
    )
    assert {name: severity for name, _, severity in rows} == {
        name: rule["labels"]["severity"] for name, rule in ALERTS.items()
    }
    assert all(name == page for name, page, _ in rows)


def test_links_between_the_runbooks_lead_somewhere():
    for path in RUNBOOKS.glob("*.md"):
        for link in re.findall(r"\]\(([^)#]+)", path.read_text(encoding="utf-8")):
            assert (path.parent / link).exists(), f"{path.name}: {link}"


def test_runbooks_name_settings_that_exist():
    known = {variable for service in SERVICES for variable in known_variables(service)}
    for path in RUNBOOKS.glob("*.md"):
        assert set(re.findall(r"BACKORDER_\w+", path.read_text(encoding="utf-8"))) <= known, path.name


def test_the_runbook_of_dead_letters_has_every_reason_and_no_other():
    page = (RUNBOOKS / "BackorderDeadLetters.md").read_text(encoding="utf-8")
    rows = page.split("| reason | usually |\n|---|---|\n")[1].split("\n\n")[0].splitlines()
    assert sorted(code for row in rows for code in re.findall(r"`([\w-]+)`", row.split("|")[1])) == sorted(Reason)


def test_commands_are_called_where_the_image_has_them():
    everywhere = commands_of("libs/backorder-runtime")
    call = rf"(?:compose exec(?: -T)? |deploy/)({'|'.join(SERVICES)})\b[^`]*?(?<!-n )backorder (\w+)"
    called = [
        (path.name, *match)
        for path in RUNBOOKS.glob("*.md")
        for line in path.read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
        for match in re.findall(call, line)
    ]
    assert {command for _, _, command in called} >= {"audit", "explain", "policy", "contacts", "dlq", "lane"}
    for page, service, command in called:
        assert command in everywhere | commands_of(f"services/{service}"), f"{page}: {command} is not in {service}"


def commands_of(folder):
    """What a member adds to `backorder`."""
    project = tomllib.loads((ROOT / folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return set(project.get("entry-points", {}).get("backorder.commands", {}))


def test_every_alert_is_tried_out():
    text = (PROMETHEUS / "tests/backorder.yaml").read_text(encoding="utf-8")
    assert [alert for alert in ALERTS if not re.search(rf"\b{alert}\b", text)] == []


def test_promtool_agrees():
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not on PATH: the rules were parsed, but not tried out")
    for command in (
        ["check", "rules", "rules/backorder.yaml"],
        ["check", "config", "prometheus.yaml"],
        ["test", "rules", "tests/backorder.yaml"],
    ):
        done = subprocess.run([promtool, *command], cwd=PROMETHEUS, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_code_exports_what_the_catalogue_says():
    defined = {
        each._name: (each._type, list(each._labelnames))
        for module in (telemetry, notifier_metrics, auditor_metrics)
        for _, each in inspect.getmembers(module)
        if isinstance(each, MetricWrapperBase)
    }
    assert {"backorder_lag_records", "backorder_notifier_sent", "backorder_audit_seconds"} <= set(defined)
    for name, entry in CATALOGUE.items():
        if (base := name.removesuffix("_total")) in defined:
            assert defined[base] == (entry["type"], entry["labels"]), name


def test_every_metric_of_the_catalogue_is_defined_in_the_code():
    sources = [*(ROOT / "libs").rglob("src/**/*.py"), *(ROOT / "services").rglob("src/**/*.py")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    missing = [name for name in CATALOGUE if f'"{name.removesuffix("_total")}"' not in text]
    assert missing == []


def test_prometheus_asks_every_service_and_labels_it(compose):
    [job] = read(PROMETHEUS / "prometheus.yaml")["scrape_configs"]
    targets = {config["labels"]["service"]: config["targets"] for config in job["static_configs"]}
    assert targets == {service: [f"{service}:8080"] for service in SERVICES}
    assert set(compose["services"]) >= SERVICES


def test_pods_carry_the_label_that_the_alerts_group_by(production):
    [endpoint] = production.one("PodMonitor", "services")["spec"]["podMetricsEndpoints"]
    [relabeling] = endpoint["relabelings"]
    assert relabeling["targetLabel"] == "service"
    assert relabeling["sourceLabels"] == ["__meta_kubernetes_pod_label_app_kubernetes_io_name"]
    for name, pod in production.pods.items():
        assert pod["metadata"]["labels"]["app.kubernetes.io/name"] == name
        assert endpoint["port"] in {port["name"] for port in pod["spec"]["containers"][0]["ports"]}


@pytest.mark.parametrize(
    ("expression", "complaint"),
    [("backorder_lag_second > 1", "backorder_lag_second"), ("sum(up)", "up"), ("rate(backorder_fenced[5m])", "fenced")],
)
def test_a_metric_that_does_not_exist_is_noticed(expression, complaint):
    with pytest.raises(AssertionError, match=complaint):
        metrics_and_labels(expression, CATALOGUE)


def test_what_is_not_promql_is_noticed():
    with pytest.raises(ValueError):
        promql_parser.parse("sum by (a (b)")
