# noqa: INP001 - a script beside what it writes, not a package
"""Writes the Strimzi topics and users of `components/strimzi` from the topic registry.

The registry says who writes and who reads a topic; from that follow one `KafkaTopic` per topic and one `KafkaUser`
per principal, who may do that and nothing else. With `--check`, exits 1 when the committed files differ.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from backorder_contracts.topics import TOPICS, Topic

ROOT = Path(__file__).parent
COMPONENT = ROOT / "components/strimzi"
HEADER = "# Generated from the topic registry by deploy/k8s/generate_topics.py: do not edit.\n"
CLUSTER = {"strimzi.io/cluster": "backorder"}
SERVICES = ("gap-detector", "inventory-sync", "priority-router", "notifier", "auditor")
OPERATORS = "operators"


def lane_partitions() -> int:
    """The partition count of the lane-keyed topics: the one that the services are configured with."""
    lines = (ROOT / "base/backorder.env").read_text(encoding="utf-8").splitlines()
    settings = dict(line.split("=", 1) for line in lines if line)
    return int(settings["BACKORDER_KAFKA__PARTITIONS"])


def topic_resource(topic: Topic, lanes: int) -> dict[str, Any]:
    """One topic. The label lets an overlay change all lane-keyed topics at once, which must stay equal."""
    labels = CLUSTER | ({"backorder/partitions": "lane"} if topic.partitions == "lane" else {})
    config = {key: int(value) if value.isdigit() else value for key, value in topic.configuration.items()}
    return {
        "apiVersion": "kafka.strimzi.io/v1",
        "kind": "KafkaTopic",
        "metadata": {"name": topic.name, "labels": labels},
        # Replicas and min.insync.replicas are the cluster's defaults, so that an overlay sets them in one place.
        "spec": {"partitions": topic.partition_count(lanes), "config": config},
    }


def user_resource(principal: str, topics: Mapping[str, Topic]) -> dict[str, Any]:
    """One principal: reads what it consumes, writes what it publishes, commits under its own group names.

    A service may also read what its shards write.
    """
    reads = {name for name, topic in topics.items() if principal in topic.consumers}
    writes = {name for name, topic in topics.items() if principal in topic.publishers}
    if principal in SERVICES:  # each compares, at its start, what its shards have published with its database
        reads |= {name for name in writes if topics[name].partitions == "lane"}
    if principal == OPERATORS:  # who replay dead letters to where they came from, and read there what was too large
        inputs = {name for name, topic in topics.items() if topic.direction == "in"}
        writes |= inputs
        reads |= writes  # a policy is put into force by who has looked which one is
    acls = [_acl("topic", name, "literal", _operations(name, reads, writes)) for name in sorted(reads | writes)]
    if reads:
        prefix = f"backorder.{principal}." if principal in SERVICES else f"{principal}."
        acls.append(_acl("group", prefix, "prefix", ["Read"]))
    return {
        "apiVersion": "kafka.strimzi.io/v1",
        "kind": "KafkaUser",
        "metadata": {"name": principal, "labels": CLUSTER},
        "spec": {
            "authentication": {"type": "scram-sha-512"},
            "authorization": {"type": "simple", "acls": acls},
        },
    }


def _operations(name: str, reads: set[str], writes: set[str]) -> list[str]:
    """Read and Write imply Describe; nobody may create, alter or delete."""
    return [word for word, names in (("Read", reads), ("Write", writes)) if name in names]


def _acl(kind: str, name: str, pattern: str, operations: list[str]) -> dict[str, Any]:
    return {"resource": {"type": kind, "name": name, "patternType": pattern}, "operations": operations}


def render() -> dict[Path, str]:
    """The files as they should be."""
    lanes = lane_partitions()
    principals = sorted({who for topic in TOPICS.values() for who in (*topic.publishers, *topic.consumers)})
    resources = {
        COMPONENT / "topics.yaml": [topic_resource(topic, lanes) for topic in TOPICS.values()],
        COMPONENT / "users.yaml": [user_resource(principal, TOPICS) for principal in principals],
    }
    return {path: HEADER + _dump(documents) for path, documents in resources.items()}


class _NoAliases(yaml.SafeDumper):
    """Repeats what two documents share: an alias does not reach across documents."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the signature is PyYAML's
        """Never alias."""
        return True


def _dump(documents: list[dict[str, Any]]) -> str:
    return "---\n".join(yaml.dump(each, Dumper=_NoAliases, sort_keys=False, width=110) for each in documents)


def main() -> int:
    """Writes the files, or with `--check` says which differ."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 when a file would change")
    check = parser.parse_args().check
    outcome = 0
    for path, text in render().items():
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        if check:
            sys.stderr.write(f"{path.relative_to(ROOT)} is out of date: run deploy/k8s/generate_topics.py\n")
            outcome = 1
        else:
            path.write_text(text, encoding="utf-8")
    return outcome


if __name__ == "__main__":
    raise SystemExit(main())
