"""Reads a policy from YAML, and says of every mistake in it where it is and what to write instead."""

from datetime import timedelta
from importlib.resources import files

import yaml

from priority_router.cel import Condition, classifier, compile_condition
from priority_router.domain.policy import Band, Policy, Strategy
from priority_router.yaml_reader import Mistake, Reader


class PolicyMistakesError(Exception):
    """A policy file is not usable; `mistakes` holds all that is wrong with it."""

    def __init__(self, mistakes: list[Mistake]) -> None:
        super().__init__("\n".join(map(str, mistakes)))
        self.mistakes = mistakes


def default_text() -> str:
    """The policy that holds until another one is applied, as it is written."""
    return files("priority_router").joinpath("default_policy.yaml").read_text(encoding="utf-8")


def read_policy(text: str, file: str = "policy") -> Policy:
    """The policy that the text describes.

    Raises:
        PolicyMistakesError: with every mistake of the text, in the order of its lines.
    """
    reader = Reader(file)
    root = reader.document(text)
    policy = _policy(reader, root) if root is not None else None
    if policy is None or reader.mistakes:
        raise PolicyMistakesError(sorted(reader.mistakes, key=lambda mistake: mistake.line))
    return policy


def _policy(reader: Reader, root: yaml.Node) -> Policy | None:
    fields = reader.fields(root, "the policy", ("version", "bands", "promise", "release"))
    reader.required(root, fields, "the policy", "version", "bands")
    version = reader.text(fields["version"], "version") if "version" in fields else None
    bands, conditions, names = _bands(reader, fields["bands"]) if "bands" in fields else ([], [], None)
    promise = _promise(reader, fields.get("promise"))
    release = _release(reader, fields.get("release"), names)
    if reader.mistakes or version is None:
        return None
    return Policy(
        version=version,
        bands=tuple(Band(band.name, band.target, band.strategy, manual=band.name in release[1]) for band in bands),
        classify=classifier(conditions),
        tolerance=promise[0],
        max_worsened=promise[1],
        promise_debounce=promise[2],
        release_debounce=release[0],
    )


def _bands(reader: Reader, node: yaml.Node) -> tuple[list[Band], list[Condition], list[str] | None]:
    bands: list[Band] = []
    conditions: list[Condition] = []
    names: dict[str, int] = {}
    whole: str | None = None
    condition: Condition | None = None
    items = list(reader.items(node, "bands"))
    if not items and isinstance(node, yaml.SequenceNode):
        reader.wrong(node, "there are no bands", 'add at least {name: standard, when: "true", ...}')
    for item in items:
        fields = reader.fields(item, "a band", ("name", "when", "target", "strategy"))
        reader.required(item, fields, "a band", "name", "when", "target", "strategy")
        name = reader.text(fields["name"], "the name of a band") if "name" in fields else None
        if name in names:
            reader.wrong(item, f"there are two bands named {name}", f"rename it; line {names[name]} has the other")
        if name is not None:
            names.setdefault(name, item.start_mark.line + 1)
        if whole is not None:
            reader.wrong(
                item, f"no line can reach band {name}, because {whole} takes every line", f"move {whole} to the end"
            )
        condition = _condition(reader, fields.get("when"), name)
        if condition is not None and condition.always:
            whole = name or "the band before it"
        band = _band(reader, fields, name)
        if band is not None and condition is not None:
            bands.append(band)
            conditions.append(condition)
    if items and whole is None and condition is not None:  # else the last one has a mistake of its own
        reader.wrong(
            items[-1],
            "the last band must take every line that no band before it takes",
            'end the list with a band that has when: "true"',
        )
    named = len(names) == len(items)  # else a band that cannot be read may be the one that is meant
    return bands, conditions, list(names) if named else None


def _condition(reader: Reader, node: yaml.Node | None, name: str | None) -> Condition | None:
    source = reader.condition(node) if node is not None else None
    if node is None or source is None:
        return None
    condition = compile_condition(source)
    if isinstance(condition, Condition):
        return condition
    whose = "a band" if name is None else f"band {name}"
    reader.wrong(node, f"the condition of {whose} {condition.what}", condition.instead)
    return None


def _band(reader: Reader, fields: dict[str, yaml.Node], name: str | None) -> Band | None:
    target = (
        reader.duration(fields["target"], "target", lambda span: span > timedelta()) if "target" in fields else None
    )
    strategy = reader.one_of(fields["strategy"], "strategy", tuple(Strategy)) if "strategy" in fields else None
    if name is None or target is None or strategy is None:
        return None
    return Band(name, target, Strategy(strategy))


def _promise(reader: Reader, node: yaml.Node | None) -> tuple[timedelta, int, timedelta]:
    tolerance, worsened, debounce = timedelta(hours=12), 1, timedelta(seconds=1)
    if node is not None:
        fields = reader.fields(node, "promise", ("tolerance", "max_worsened", "debounce"))
        if "tolerance" in fields:
            tolerance = reader.duration(fields["tolerance"], "tolerance") or timedelta()
        if "max_worsened" in fields:
            worsened = reader.whole(fields["max_worsened"], "max_worsened") or 0
        if "debounce" in fields:
            debounce = reader.duration(fields["debounce"], "debounce") or timedelta()
    return tolerance, worsened, debounce


def _release(reader: Reader, node: yaml.Node | None, bands: list[str] | None) -> tuple[timedelta, set[str]]:
    debounce, manual = timedelta(seconds=2), set[str]()
    if node is not None:
        fields = reader.fields(node, "release", ("debounce", "manual"))
        if "debounce" in fields:
            debounce = reader.duration(fields["debounce"], "debounce") or timedelta()
        if "manual" in fields:
            for item in reader.items(fields["manual"], "manual"):
                name = reader.text(item, "the name of a band")
                if name is not None and bands is not None and name not in bands:
                    reader.wrong(item, f"manual names {name}, which is no band", f"known are {', '.join(bands)}")
                elif name is not None:
                    manual.add(name)
    return debounce, manual
