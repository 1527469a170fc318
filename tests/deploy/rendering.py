"""Renders a kustomization in plain Python: the part of kustomize that this project uses, and an error for the rest.

So the manifests can be checked on a machine that has Python only. Where a real kustomize is found, a test compares the
two; hashes in the names of ConfigMaps are left out here and taken out there.
"""

from __future__ import annotations

import copy
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

Resource = dict[str, Any]

CLUSTER_SCOPED = {"Namespace"}
KNOWN_FIELDS = {
    "apiVersion", "kind", "namespace", "resources", "components", "patches", "configMapGenerator",
}  # fmt: skip
# By what the items of a list are one and the same. Kinds that kustomize has no schema of get their lists replaced.
MERGE_KEYS = {
    "containers": "name",
    "initContainers": "name",
    "env": "name",
    "volumes": "name",
    "volumeMounts": "mountPath",
    "ports": "containerPort",
    "topologySpreadConstraints": "topologyKey",
}
BUILT_IN = {"v1", "apps/v1", "policy/v1", "networking.k8s.io/v1"}
HASH = re.compile(r"-[2456789bcdfghkmt]{10}$")


# The same reader in C where PyYAML was built with it: an order of magnitude faster.
Reader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Unsupported(Exception):
    """The kustomization uses something that this renderer does not know."""


def documents(path: Path) -> list[Any]:
    """The YAML documents of a file, empty ones left out."""
    text = path.read_text(encoding="utf-8")
    return [each for each in yaml.load_all(text, Loader=Reader) if each is not None]


def identity(resource: Resource) -> tuple[str, str, str]:
    return resource["apiVersion"], resource["kind"], resource["metadata"]["name"]


def render(folder: Path) -> list[Resource]:
    """The resources of a kustomization, in no particular order."""
    resources = _accumulate(folder, [])
    names = [identity(each) for each in resources]
    if len(names) != len(set(names)):
        raise Unsupported(f"{folder}: a resource stands twice")
    return resources


def _accumulate(folder: Path, inherited: list[Resource]) -> list[Resource]:
    """What a folder makes of the resources it is given: none for a kustomization, the parent's for a component."""
    [spec] = documents(folder / "kustomization.yaml")
    if unknown := set(spec) - KNOWN_FIELDS:
        raise Unsupported(f"{folder}: {sorted(unknown)}")
    resources = list(inherited)
    for entry in spec.get("resources", []):
        path = folder / entry
        resources += _accumulate(path, []) if path.is_dir() else documents(path)
    for entry in spec.get("components", []):
        resources = _accumulate(folder / entry, resources)
    for generator in spec.get("configMapGenerator", []):
        _generate(folder, generator, resources)
    for patch in spec.get("patches", []):
        _patch(folder, patch, resources)
    if namespace := spec.get("namespace"):
        for each in resources:
            if each["kind"] not in CLUSTER_SCOPED:
                each["metadata"]["namespace"] = namespace
    return resources


def _generate(folder: Path, generator: dict[str, Any], resources: list[Resource]) -> None:
    if unknown := set(generator) - {"name", "files", "envs", "literals", "behavior", "options"}:
        raise Unsupported(f"{folder}: configMapGenerator {sorted(unknown)}")
    data = {Path(name).name: (folder / name).read_text(encoding="utf-8") for name in generator.get("files", [])}
    lines = [line for name in generator.get("envs", []) for line in (folder / name).read_text("utf-8").splitlines()]
    for line in [*lines, *generator.get("literals", [])]:
        if line and not line.startswith("#"):
            key, value = line.split("=", 1)
            data[key] = value
    name = generator["name"]
    if generator.get("behavior", "create") == "merge":
        [target] = [each for each in resources if each["kind"] == "ConfigMap" and each["metadata"]["name"] == name]
        target["data"].update(data)
        return
    labels = generator.get("options", {}).get("labels")
    metadata = {"name": name} | ({"labels": labels} if labels else {})
    resources.append({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})


def _patch(folder: Path, patch: dict[str, Any], resources: list[Resource]) -> None:
    if unknown := set(patch) - {"path", "target"}:
        raise Unsupported(f"{folder}: patches {sorted(unknown)}")
    path = folder / patch["path"]
    for document in documents(path):
        targets = [each for each in resources if _is_target(each, document, patch.get("target"))]
        if not targets:
            raise Unsupported(f"{path}: nothing to patch")
        for target in targets:
            if isinstance(document, list):
                _apply_operations(target, document)
            else:
                body = {key: value for key, value in document.items() if key not in {"apiVersion", "kind", "metadata"}}
                _merge(target, copy.deepcopy(body), by_key=target["apiVersion"] in BUILT_IN)


def _is_target(resource: Resource, document: Any, target: dict[str, str] | None) -> bool:
    if target is None:
        return identity(resource) == identity(document)
    if unknown := set(target) - {"kind", "name", "labelSelector"}:
        raise Unsupported(f"patch target {sorted(unknown)}")
    wanted = dict(item.split("=") for item in target.get("labelSelector", "").split(",") if item)
    return (
        resource["kind"] == target["kind"]
        and target.get("name", resource["metadata"]["name"]) == resource["metadata"]["name"]
        and wanted.items() <= resource["metadata"].get("labels", {}).items()
    )


def _apply_operations(target: Resource, operations: list[dict[str, Any]]) -> None:
    for operation in operations:
        if operation["op"] != "replace":
            raise Unsupported(f"operation {operation['op']}")
        *parents, last = operation["path"].strip("/").split("/")
        place: Any = target
        for step in parents:
            place = place[step]
        if last not in place:
            raise Unsupported(f"nothing at {operation['path']}")
        place[last] = operation["value"]


def _merge(target: dict[str, Any], patch: dict[str, Any], *, by_key: bool) -> None:
    for field, value in patch.items():
        if field.startswith("$") or value is None:
            raise Unsupported(f"patch directive at {field}")
        current = target.get(field)
        if isinstance(value, dict) and isinstance(current, dict):
            _merge(current, value, by_key=by_key)
        elif isinstance(value, list) and isinstance(current, list) and by_key and field in MERGE_KEYS:
            _merge_lists(current, value, MERGE_KEYS[field])
        else:
            target[field] = value


def _merge_lists(current: list[Any], patch: list[Any], key: str) -> None:
    known = {item[key]: item for item in current}
    for item in patch:
        if item[key] in known:
            _merge(known[item[key]], item, by_key=True)
        else:
            raise Unsupported(f"a patch adds {item[key]} to a list; where it goes is kustomize's secret")


def judge() -> list[str] | None:
    """The command of a real kustomize, if there is one."""
    if shutil.which("kustomize"):
        return ["kustomize", "build"]
    if shutil.which("kubectl"):
        return ["kubectl", "kustomize"]
    return None


def render_with(command: list[str], folder: Path) -> list[Resource]:
    """What a real kustomize makes of it, without the hashes in the names of ConfigMaps."""
    text = subprocess.run([*command, str(folder)], check=True, capture_output=True, text=True).stdout
    resources = [each for each in yaml.load_all(text, Loader=Reader) if each]
    names = {each["metadata"]["name"] for each in resources if each["kind"] == "ConfigMap"}
    plain = json.dumps(resources)
    for name in names:
        if HASH.search(name):
            plain = plain.replace(f'"{name}"', f'"{HASH.sub("", name)}"')
    return json.loads(plain)
