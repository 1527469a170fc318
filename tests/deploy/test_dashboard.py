import json
import re
from pathlib import Path

import pytest
import yaml

from .promql import metrics_and_labels

ROOT = Path(__file__).parents[2]
GRAFANA = ROOT / "deploy/grafana"
DASHBOARD = json.loads((GRAFANA / "dashboards/backorder.json").read_text(encoding="utf-8"))
CATALOGUE = yaml.safe_load((ROOT / "deploy/prometheus/metrics.yaml").read_text(encoding="utf-8"))
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


def queries(panel):
    # Grafana replaces its own variables before Prometheus sees the expression.
    return [target["expr"].replace("$__rate_interval", "1m") for target in panel["targets"]]


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_a_panel_asks_for_metrics_and_labels_that_exist(panel):
    for expression, target in zip(queries(panel), panel["targets"], strict=True):
        metrics, labels = metrics_and_labels(expression, CATALOGUE)
        assert metrics
        assert labels <= {label for metric in metrics for label in metric.labels}
        assert set(re.findall(r"{{(\w+)}}", target["legendFormat"])) <= labels


def test_every_panel_explains_itself_and_has_its_own_place():
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    taken = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {(x + place["x"], y + place["y"]) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken, panel["title"]
        taken |= cells
    assert all(panel["title"] and panel["description"] for panel in PANELS)


def test_every_metric_of_the_catalogue_is_on_the_dashboard():
    seen = {
        metric.name
        for panel in PANELS
        for query in queries(panel)
        for metric in metrics_and_labels(query, CATALOGUE)[0]
    }
    assert {re.sub(r"_(bucket|sum|count)$", "", name) for name in seen} == set(CATALOGUE)


def test_the_dashboard_finds_its_data_source():
    [source] = yaml.safe_load((GRAFANA / "provisioning/datasources/prometheus.yaml").read_text("utf-8"))["datasources"]
    [variable] = DASHBOARD["templating"]["list"]
    assert variable["query"] == source["type"] == "prometheus"
    assert variable["current"]["value"] == source["uid"]
    for panel in PANELS:
        assert panel["datasource"] == {"type": "prometheus", "uid": f"${{{variable['name']}}}"}


def test_grafana_looks_where_compose_mounts_the_dashboard(compose):
    [provider] = yaml.safe_load((GRAFANA / "provisioning/dashboards/backorder.yaml").read_text("utf-8"))["providers"]
    grafana = compose["services"]["grafana"]
    mounts = dict(volume.split(":")[1::-1] for volume in grafana["volumes"])
    assert mounts[provider["options"]["path"]] == "./deploy/grafana/dashboards"
    home = grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home == f"{provider['options']['path']}/backorder.json"
