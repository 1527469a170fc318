"""Compares `schemas/` with the last release by the contract's compatibility rule, and explains each break.

python -m backorder_contracts.compat OLD_DIR NEW_DIR
python -m backorder_contracts.compat --against REF NEW_DIR     against a git tag, branch or commit
python -m backorder_contracts.compat NEW_DIR                   against the newest release tag (v*)
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias

import yaml

from backorder_contracts.schema_diff import Break, breaks

Release: TypeAlias = Mapping[str, str]
"""The files of a `schemas/` folder: path below it → content."""

_SUFFIX: Final = ".v1.schema.json"
# what may change about a topic; anything else is a break, or not known and therefore one
_FREE: Final = frozenset({"description", "owner", "publishers", "consumers", "partitions", "max_message_bytes"})


def from_directory(directory: Path) -> Release:
    """Reads the folder as it stands.

    Raises:
        FileNotFoundError: there is no such folder.
    """
    if not directory.is_dir():
        raise FileNotFoundError(directory)
    paths = (path for path in sorted(directory.rglob("*")) if path.suffix in {".json", ".yaml"})
    return {path.relative_to(directory).as_posix(): path.read_text(encoding="utf-8") for path in paths}


def from_git(ref: str, directory: Path) -> Release:
    """Reads the folder as it was at a git ref; empty when it did not exist then.

    Raises:
        subprocess.CalledProcessError: git does not know the ref, or the folder is in no repository.
    """
    names = _git(directory, "ls-tree", "-r", "-z", "--name-only", ref, "--", ".").split("\0")
    wanted = [name for name in names if name.endswith((".json", ".yaml"))]
    return {name: _git(directory, "show", f"{ref}:./{name}") for name in wanted}


def last_release(directory: Path) -> str | None:
    """The newest tag `v*` that the checked-out commit stands on; None when there is none."""
    try:
        return _git(directory, "describe", "--tags", "--abbrev=0", "--match", "v*").strip()
    except (subprocess.CalledProcessError, FileNotFoundError):
        return None


def _git(directory: Path, *arguments: str) -> str:
    command = ["git", "-C", str(directory), *arguments]
    return subprocess.run(command, check=True, capture_output=True, encoding="utf-8").stdout  # noqa: S603


def compare(old: Release, new: Release) -> list[Break]:
    """Every promise of the old release that the new one breaks."""
    return [*_topics(old, new), *_events(old, new), *_examples(old, new)]


def _events(old: Release, new: Release) -> Iterator[Break]:
    inputs = {name for topic in _registry(old).values() if topic.get("direction") == "in" for name in topic["ce_types"]}
    for path, text in old.items():
        if not path.endswith(_SUFFIX):
            continue
        event = path.removeprefix("events/").removesuffix(_SUFFIX)
        if path not in new:
            yield Break(
                event,
                "the event itself",
                "the event type was removed",
                "Whoever publishes or reads it is left alone",
                "keep the schema, and go on accepting or sending the event",
            )
        else:
            yield from breaks(event, json.loads(text), json.loads(new[path]), is_input=event in inputs)


def _registry(release: Release) -> Mapping[str, Any]:
    entries = yaml.safe_load(release.get("topics.yaml", "{}"))
    return {name: topic for name, topic in entries.items() if topic["direction"] != "internal"}


def _topics(old: Release, new: Release) -> Iterator[Break]:
    after = _registry(new)
    for name, topic in _registry(old).items():
        if name not in after:
            yield Break(
                f"topic {name}",
                "the topic itself",
                "the public topic was removed",
                "Whoever is connected to it hears nothing any more, or speaks to nobody",
                "keep it and publish to both while people move",
            )
            continue
        for field in sorted(topic.keys() | after[name].keys()):
            before, now = topic.get(field), after[name].get(field)
            if before != now and field not in _FREE:
                yield from _topic_field(name, field, before, now)


def _topic_field(name: str, field: str, before: Any, now: Any) -> Iterator[Break]:
    if field == "ce_types":
        for event in before:
            if event not in now:
                yield Break(
                    f"topic {name}",
                    field,
                    f"{event} does not stand on this topic any more",
                    "Consumers of the topic miss it",
                    "leave it where it is",
                )
        return
    if field == "retention" and before is not None and now is not None and _days(now) >= _days(before):
        return
    hurts = {
        "key": "The order of events per key is not what consumers were promised",
        "retention": "Consumers that were away for as long as they were allowed lose events",
        "direction": "Publishers and consumers change places",
    }
    yield Break(
        f"topic {name}",
        field,
        f"it changed from {before} to {now}",
        hurts.get(field, "This kind of change is not known to the comparison, so nobody can say whom it hurts"),
        "add a new topic and publish to both while people move",
    )


def _days(retention: str) -> int:
    return int(retention.removesuffix("d"))


def _examples(old: Release, new: Release) -> Iterator[Break]:
    for path, text in old.items():
        if not path.startswith("examples/"):
            continue
        if path not in new or json.loads(new[path]) != json.loads(text):
            yield Break(
                path.split("/")[1],
                path,
                "a published golden example was changed" if path in new else "a published golden example was removed",
                "People test their programs with it",
                "leave it as it is and add another one",
            )


def main(arguments: list[str] | None = None) -> int:
    """Prints every break in prose; returns 1 if there is one, 2 if there is nothing to compare with."""
    parser = argparse.ArgumentParser(
        prog="python -m backorder_contracts.compat",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("directories", nargs="+", type=Path, metavar="DIR", help="[OLD_DIR] NEW_DIR")
    parser.add_argument("--against", metavar="REF", help="the git ref to compare NEW_DIR with")
    options = parser.parse_args(arguments)
    *olds, directory = options.directories
    if len(olds) > 1 or (olds and options.against):
        parser.error("give OLD_DIR and NEW_DIR, or NEW_DIR with or without --against")
    try:
        new = from_directory(directory)
        reference = str(olds[0]) if olds else options.against or last_release(directory)
        if reference is None:
            sys.stdout.write("There is no release yet (no tag v*), so there are no promises to break.\n")
            return 0
        old = from_directory(olds[0]) if olds else from_git(reference, directory)
    except FileNotFoundError as error:
        sys.stderr.write(f"There is no folder {error}.\n")
        return 2
    except subprocess.CalledProcessError as error:
        sys.stderr.write(f"git: {error.stderr.strip()}\n")
        return 2
    return _report(compare(old, new), reference)


def _report(found: list[Break], reference: str) -> int:
    for one in found:
        sys.stderr.write(f"- {one}\n")
    if found:
        sys.stderr.write(
            f"{len(found)} promise(s) of {reference} broken. What cannot be done within version 1 needs a new topic, "
            "published beside the old one until everybody has moved.\n"
        )
        return 1
    sys.stdout.write(f"Every promise of {reference} is kept.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
