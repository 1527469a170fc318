"""`backorder`: the commands of every installed part under one name."""

from importlib.metadata import entry_points, version

import cyclopts

_DESCRIPTION = """Back-order management for parts businesses, on Kafka and PostgreSQL.

Settings are environment variables BACKORDER_*; beside a local run they come from its folder."""


def build() -> cyclopts.App:
    """The command line, made of the entry points in the group `backorder.commands`."""
    app = cyclopts.App(name="backorder", help=_DESCRIPTION, version=version("backorder-runtime"))
    for entry in sorted(entry_points(group="backorder.commands"), key=lambda entry: entry.name):
        app.command(entry.load(), name=entry.name)
    return app


def main() -> None:
    """Run the command line."""
    build()()
