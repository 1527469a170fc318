"""Which stock feeds are behind. The version before works on with this: it ignores what is new here."""

from alembic import op

revision = "0005"
down_revision = "0004"

STALE_FEED = """
-- Of a lane: people know that its feed is behind this version. It says nothing once the lane has a newer one.
CREATE TABLE stale_feed (
    lane text PRIMARY KEY,
    version bigint NOT NULL
)
"""


def upgrade() -> None:
    """Add the table."""
    op.execute(STALE_FEED)
