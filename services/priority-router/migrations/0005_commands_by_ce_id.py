"""What an answered command asked. The version before works on with this: it ignores what is new here."""

from alembic import op

from backorder_runtime.tables import statements

revision = "0005"
down_revision = "0004"

CONTENT = """
-- A digest of the command, whose `ce_id` then stands in `command_id`. Null, stored by the version before: there stands
-- what the command calls itself, which two commands may share.
ALTER TABLE command ADD COLUMN content bytea;
"""


def upgrade() -> None:
    """Add the column; rows of the version before are known without it."""
    for statement in statements(CONTENT):
        op.execute(statement)
