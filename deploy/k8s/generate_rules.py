# noqa: INP001 - a script beside what it writes, not a package
"""Writes `components/monitoring/alerts.yaml` from the Prometheus rules that docker-compose uses as they are.

With `--check`, exits 1 when the committed file differs.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).parent
SOURCE = ROOT.parent / "prometheus/rules/backorder.yaml"
TARGET = ROOT / "components/monitoring/alerts.yaml"
HEADER = """\
# Generated from deploy/prometheus/rules/backorder.yaml by deploy/k8s/generate_rules.py: do not edit.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: backorder
  labels:
    app.kubernetes.io/part-of: backorder
spec:
"""


def render() -> str:
    """The rules, comments included, inside a `PrometheusRule`."""
    text = SOURCE.read_text(encoding="utf-8")
    groups = text[text.index("groups:\n") :]
    return HEADER + "".join(f"  {line}" if line.strip() else line for line in groups.splitlines(keepends=True))


def main() -> int:
    """Writes the file, or with `--check` says whether it differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 when the file would change")
    check = parser.parse_args().check
    stale = not TARGET.exists() or TARGET.read_text(encoding="utf-8") != render()
    if stale and check:
        sys.stderr.write(f"{TARGET.relative_to(ROOT)} is out of date: run deploy/k8s/generate_rules.py\n")
    elif stale:
        TARGET.write_text(render(), encoding="utf-8")
    return 1 if check and stale else 0


if __name__ == "__main__":
    raise SystemExit(main())
