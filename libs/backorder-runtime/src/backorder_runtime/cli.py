"""`backorder`: the commands of every installed part under one name."""

import sys
from importlib.metadata import entry_points, version

import cyclopts

_DESCRIPTION = """Back-order management for parts businesses, on Kafka and PostgreSQL.

Settings are environment variables BACKORDER_*; beside a local run they come from its folder."""


def build(called: str | None = None) -> cyclopts.App:
    """The command line, made of the entry points in the group `backorder.commands`; of `called` alone if it is one."""
    app = cyclopts.App(name="backorder", help=_DESCRIPTION, version=version("backorder-runtime"))
    commands = entry_points(group="backorder.commands")
    if called in commands.names:
        commands = commands.select(name=called)  # loading all of them takes a second
    for entry in sorted(commands, key=lambda entry: entry.name):
        app.command(entry.load(), name=entry.name)
    return app


def main() -> None:
    """Run the command line."""
    build(sys.argv[1] if len(sys.argv) > 1 else None)()
