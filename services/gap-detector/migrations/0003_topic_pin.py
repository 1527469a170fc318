"""Which topics the offsets belong to. The version before works on with this: it ignores what is new here."""

from alembic import op

from backorder_runtime.tables import TOPIC_PIN

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the table; the service fills it when it starts."""
    op.execute(TOPIC_PIN)
