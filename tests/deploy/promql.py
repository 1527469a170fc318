"""What a PromQL expression asks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import promql_parser as promql

# The scrape configuration adds these to every series.
TARGET_LABELS = {"service"}


@dataclass(frozen=True)
class Metric:
    name: str
    labels: frozenset[str]


def metrics_and_labels(expression: str, catalogue: dict[str, Any]) -> tuple[set[Metric], set[str]]:
    """The catalogued metrics an expression reads, and the labels it selects, groups or matches by.

    Raises AssertionError on a metric that the catalogue lacks, ValueError on what is not PromQL.
    """
    found: set[Metric] = set()
    labels: set[str] = set()
    _visit(promql.parse(expression), catalogue, found, labels)
    return found, labels


def _visit(node: Any, catalogue: dict[str, Any], found: set[Metric], labels: set[str]) -> None:
    match node:
        case promql.VectorSelector():
            found.add(_metric(node.name, catalogue))
            labels |= {matcher.name for matcher in node.matchers.matchers}
        case promql.MatrixSelector():
            _visit(node.vector_selector, catalogue, found, labels)
        case promql.AggregateExpr():
            labels |= set(node.modifier.labels) if node.modifier else set()
            _visit(node.expr, catalogue, found, labels)
        case promql.Call():
            for argument in node.args:
                _visit(argument, catalogue, found, labels)
        case promql.BinaryExpr():
            _visit(node.lhs, catalogue, found, labels)
            _visit(node.rhs, catalogue, found, labels)
        case promql.ParenExpr() | promql.UnaryExpr() | promql.SubqueryExpr():
            _visit(node.expr, catalogue, found, labels)


def _metric(name: str, catalogue: dict[str, Any]) -> Metric:
    for suffix, extra in (("", set()), ("_bucket", {"le"}), ("_sum", set()), ("_count", set())):
        entry = catalogue.get(name.removesuffix(suffix)) if suffix else catalogue.get(name)
        if entry and name.endswith(suffix) and (entry["type"] == "histogram") == bool(suffix):
            return Metric(name, frozenset({*entry["labels"], *extra, *TARGET_LABELS}))
    raise AssertionError(f"{name} is not in the catalogue of metrics")
