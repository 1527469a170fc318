"""A migration takes nothing from the version that still runs: whatever follows the first of a service only adds."""

import re
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory

from backorder_runtime.tables import statements

ROOT = Path(__file__).parents[2]
FOLDERS = sorted((ROOT / "services").glob("*/migrations"))

_TYPE = "(bigint|boolean|bytea|date|integer|interval|jsonb|numeric|text|timestamptz)"
_VALUE = r"('[^']*'|-?\w+(\(\))?)"
ADDS = (
    # whatever is in a new table, nobody writes to it yet; but who writes to one that it refers to would be held by it
    r"CREATE TABLE \w+ \((?!.*\bREFERENCES\b).*\)( WITH \([^()]*\))?",
    r"CREATE SEQUENCE \w+",
    # one that is unique refuses what was not refused before
    r"CREATE INDEX (IF NOT EXISTS )?\w+ ON \w+ .*",
    # null, or a value that the version before need not name; one column a statement, and no constraint
    rf"ALTER TABLE \w+ ADD COLUMN \w+ {_TYPE}( NOT NULL DEFAULT {_VALUE}| DEFAULT {_VALUE}( NOT NULL)?)?",
)

RARE = ("cover_shipped", "cancelling", "shipped", "cancelled", "away", "recalled")
SET_RARE = "ALTER TABLE line " + ", ".join(f"ALTER COLUMN {name} SET DEFAULT 0" for name in RARE)
ALLOWED = {
    (
        "gap-detector",
        "0004",
        SET_RARE,
    ): "the version before names them all: without a default it had to, or store no line",
}
"""What does more than add, by service and revision, with the reason why the version before works on with it."""


def said(upgrade) -> list[str]:
    """The statements of an upgrade, without comments, on one line each."""
    written = StringIO()
    offline = MigrationContext.configure(
        dialect_name="postgresql", opts={"as_sql": True, "output_buffer": written, "literal_binds": True}
    )
    with Operations.context(offline):
        upgrade()
    script = re.sub(r"--.*", "", written.getvalue())
    return [" ".join(each.split()).rstrip(";").rstrip() for each in statements(script)]


def adds(statement: str) -> bool:
    return any(re.fullmatch(pattern, statement) for pattern in ADDS)


def later() -> Iterator[tuple[str, str, str]]:
    """Service, revision and statement of every migration but the first ones."""
    for folder in FOLDERS:
        scripts = ScriptDirectory(str(folder), version_locations=[str(folder)])
        for script in scripts.walk_revisions():
            if script.down_revision is not None:
                for statement in said(script.module.upgrade):
                    yield folder.parent.name, script.revision, statement


def test_what_follows_the_first_migration_of_a_service_only_adds():
    found = list(later())
    assert {service for service, _, _ in found} == {"gap-detector", "inventory-sync", "notifier", "priority-router"}
    takes = [each for each in found if not adds(each[2])]
    assert takes == list(ALLOWED), "say in ALLOWED why the version that still runs works on, or add before you take"


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE line",
        "DROP INDEX line_covered",
        "ALTER TABLE line DROP COLUMN away",
        "ALTER TABLE line ADD COLUMN closed_at timestamptz, DROP COLUMN away",
        "ALTER TABLE line RENAME COLUMN away TO gone",
        "ALTER TABLE line RENAME TO lines",
        "ALTER TABLE line ALTER COLUMN number TYPE integer",
        "ALTER TABLE line ALTER COLUMN detail SET NOT NULL",
        "ALTER TABLE line ALTER COLUMN away DROP DEFAULT",
        "ALTER TABLE line ADD COLUMN reason text NOT NULL",
        "ALTER TABLE line ADD COLUMN reason text UNIQUE",
        "ALTER TABLE line ADD COLUMN reason text DEFAULT '' CHECK (reason <> '')",
        "ALTER TABLE line ADD COLUMN owner integer REFERENCES shard",
        "ALTER TABLE line ADD CONSTRAINT away_is_positive CHECK (away >= 0)",
        "CREATE UNIQUE INDEX line_number ON line (number)",
        "CREATE TABLE note (shard integer REFERENCES shard)",
        "CREATE TRIGGER noted BEFORE UPDATE ON line EXECUTE FUNCTION note()",
        "UPDATE line SET away = 0",
        "DELETE FROM line",
        "TRUNCATE line",
        "REVOKE UPDATE ON line FROM gap_detector",
    ],
)
def test_what_takes_or_demands_something_is_noticed(statement):
    assert not adds(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE line ADD COLUMN reason text",
        "ALTER TABLE line ADD COLUMN reason text NOT NULL DEFAULT ''",
        "ALTER TABLE line ADD COLUMN tries integer DEFAULT 0 NOT NULL",
        "ALTER TABLE line ADD COLUMN kept_at timestamptz NOT NULL DEFAULT now()",
    ],
)
def test_a_column_that_the_version_before_need_not_know_is_no_more_than_added(statement):
    assert adds(statement)
