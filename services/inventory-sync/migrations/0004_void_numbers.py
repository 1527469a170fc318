"""What a restored database no longer knows of. The version before works on with this: it ignores what is new here."""

from alembic import op

from backorder_runtime.tables import VOID_NUMBERS

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the table; it stays empty until a database is restored."""
    op.execute(VOID_NUMBERS)
