"""Numbers that hardly any new line has are 0 by themselves. The version before works on: it names them all."""

from alembic import op

revision = "0004"
down_revision = "0003"

RARE = ("cover_shipped", "cancelling", "shipped", "cancelled", "away", "recalled")


def upgrade() -> None:
    """Say what is stored when nothing is said: no row is written for that."""
    op.execute("ALTER TABLE line " + ", ".join(f"ALTER COLUMN {name} SET DEFAULT 0" for name in RARE))
