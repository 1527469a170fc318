import importlib.util
from pathlib import Path

import pytest
import yaml

from .rendering import Reader, Unsupported, documents, identity, judge, render, render_with

ROOT = Path(__file__).parents[2]
K8S = ROOT / "deploy/k8s"
OVERLAYS = ["base", "overlays/dev", "overlays/production"]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_real_kustomize_renders_the_same(overlay):
    command = judge()
    if command is None:
        pytest.skip("neither kustomize nor kubectl is on PATH: only our own renderer has checked the overlays")
    ours = {identity(each): each for each in render(K8S / overlay)}
    theirs = {identity(each): each for each in render_with(command, K8S / overlay)}
    assert set(ours) == set(theirs)
    for name, resource in theirs.items():
        assert ours[name] == resource, name


def test_every_manifest_is_part_of_a_kustomization():
    used = set()
    for path in (ROOT / "deploy").rglob("kustomization.yaml"):
        [spec] = documents(path)
        names = [*spec.get("resources", []), *(patch["path"] for patch in spec.get("patches", []))]
        for generator in spec.get("configMapGenerator", []):
            names += [*generator.get("files", []), *generator.get("envs", [])]
        used |= {(path.parent / name).resolve() for name in names}
    manifests = {path for path in K8S.rglob("*") if path.suffix in {".yaml", ".env"}}
    assert manifests - used == set(K8S.rglob("kustomization.yaml"))


def test_every_yaml_file_can_be_read():
    files = [*(ROOT / "deploy").rglob("*.y*ml"), ROOT / "docker-compose.yml"]
    assert len(files) > 30
    for path in files:
        assert documents(path), path


def test_no_key_stands_twice_in_one_mapping():
    """YAML parsers keep the last one in silence."""

    class Strict(Reader):
        pass

    def mapping(loader, node, deep=False):
        keys = [loader.construct_object(key) for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
        assert len(keys) == len(set(keys)), f"{node.start_mark}: {keys}"
        loader.flatten_mapping(node)
        return Reader.construct_mapping(loader, node, deep)

    Strict.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, mapping)
    for path in [*(ROOT / "deploy").rglob("*.y*ml"), ROOT / "docker-compose.yml"]:
        list(yaml.load_all(path.read_text(encoding="utf-8"), Loader=Strict))


@pytest.mark.parametrize("script", ["generate_topics", "generate_rules"])
def test_generated_manifests_are_what_the_generator_writes(script, capsys, monkeypatch):
    path = K8S / f"{script}.py"
    spec = importlib.util.spec_from_file_location(script, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr("sys.argv", [str(path), "--check"])
    assert module.main() == 0, capsys.readouterr().err


@pytest.mark.parametrize(
    ("kustomization", "complaint"),
    [
        ("commonLabels: {a: b}", "commonLabels"),
        ("resources: [one.yaml]\npatches: [{path: other.yaml}]", "nothing to patch"),
        ("resources: [one.yaml]\npatches: [{path: missing.yaml, target: {kind: ConfigMap}}]", "nothing at"),
        ("resources: [one.yaml, one.yaml]", "stands twice"),
    ],
)
def test_our_renderer_refuses_what_it_would_get_wrong(tmp_path, kustomization, complaint):
    (tmp_path / "one.yaml").write_text("{apiVersion: v1, kind: ConfigMap, metadata: {name: one}, data: {a: b}}")
    (tmp_path / "other.yaml").write_text("{apiVersion: v1, kind: ConfigMap, metadata: {name: other}, data: {a: c}}")
    (tmp_path / "missing.yaml").write_text("[{op: replace, path: /data/z, value: c}]")
    (tmp_path / "kustomization.yaml").write_text(kustomization)
    with pytest.raises(Unsupported, match=complaint):
        render(tmp_path)
