"""Old versions and closed deliveries leave. The version before works on with this: it ignores what is new here.

In tables of many million rows the indexes take a while; build them beforehand with CREATE INDEX CONCURRENTLY.
"""

from alembic import op

from backorder_runtime.tables import DEAD_LETTERS_BY_TIME, statements

revision = "0002"
down_revision = "0001"

RETENTION = """
-- Of each lane: a version that is not above this one counts as taken, though nothing else is known of it any more.
CREATE TABLE forgotten_version (
    lane text PRIMARY KEY,
    version bigint NOT NULL
) WITH (fillfactor = 80);
CREATE INDEX IF NOT EXISTS stock_version_taken ON stock_version (taken_at);

-- Since when nothing more is to come of a delivery; null while it is open, or nobody has noted it.
ALTER TABLE delivery ADD COLUMN closed_at timestamptz;
CREATE INDEX IF NOT EXISTS delivery_closed ON delivery (closed_at) WHERE NOT open;
"""


def upgrade() -> None:
    """Add what retention needs."""
    for statement in statements(RETENTION):
        op.execute(statement)
    op.execute(DEAD_LETTERS_BY_TIME)
