"""What was refused long ago leaves. The version before works on with this: it ignores what is new here."""

from alembic import op

from backorder_runtime.tables import DEAD_LETTERS_BY_TIME

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add what retention needs."""
    op.execute(DEAD_LETTERS_BY_TIME)
