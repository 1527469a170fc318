"""Writes `schemas/` from the models and the registry: `python -m backorder_contracts.generate [--check] DIR`.

The golden examples in `schemas/examples/` are not generated: people write them, and never change a published one.
"""

import argparse
import json
import sys
from pathlib import Path

import yaml

from backorder_contracts import asyncapi
from backorder_contracts.events import EVENTS
from backorder_contracts.json_schema import schema_of
from backorder_contracts.topics import registry_text


def documents() -> dict[str, str]:
    """Every generated file: its path below `schemas/`, and its content. The same on every run."""
    files = {
        f"events/{event.name}.v1.schema.json": json.dumps(
            schema_of(event), indent=2, sort_keys=True, ensure_ascii=False
        )
        + "\n"
        for event in EVENTS.values()
    }
    files["topics.yaml"] = registry_text()
    files["asyncapi.yaml"] = "# Generated from the models and topics.yaml; do not edit.\n" + yaml.safe_dump(
        asyncapi.document(), sort_keys=True, allow_unicode=True, width=110
    )
    return files


def stale(directory: Path) -> list[str]:
    """The files below the directory that are missing, differ from what would be written, or should not be there."""
    files = documents()
    differing = [
        name
        for name, content in files.items()
        if not (directory / name).is_file() or (directory / name).read_text(encoding="utf-8") != content
    ]
    strangers = [name for path in (directory / "events").glob("*") if (name := f"events/{path.name}") not in files]
    return sorted(differing + strangers)


def write(directory: Path) -> list[str]:
    """Writes what is stale, removes schemas of events that are no more, and returns the names of both."""
    files = documents()
    names = stale(directory)
    for name in names:
        path = directory / name
        if name in files:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(files[name], encoding="utf-8")
        else:
            path.unlink()
    return names


def main(arguments: list[str] | None = None) -> int:
    """Writes or checks; returns 1 when a check finds stale files."""
    parser = argparse.ArgumentParser(prog="python -m backorder_contracts.generate", description=__doc__)
    parser.add_argument("directory", type=Path, help="the schemas folder")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a file is stale")
    options = parser.parse_args(arguments)
    if options.check:
        names = stale(options.directory)
        for name in names:
            sys.stderr.write(f"stale: {options.directory / name}\n")
        if names:
            sys.stderr.write("Write them again without --check, and commit the result.\n")
        return 1 if names else 0
    for name in write(options.directory):
        sys.stdout.write(f"wrote {options.directory / name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
