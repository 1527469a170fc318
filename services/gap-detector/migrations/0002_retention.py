"""Closed lines leave the ledger. The version before works on with this: it ignores what is new here.

In a ledger of many million lines the indexes take a while; build them beforehand with CREATE INDEX CONCURRENTLY.
"""

from alembic import op

from backorder_runtime.tables import DEAD_LETTERS_BY_TIME, statements

revision = "0002"
down_revision = "0001"

RETENTION = """
-- Since when nothing more is expected of a line; null while it is open, or nobody has noted it.
ALTER TABLE line ADD COLUMN closed_at timestamptz;
CREATE INDEX IF NOT EXISTS line_closed ON line (shard, closed_at)
    WHERE covered = 0 AND need = 0 AND counted = 0 AND cancelling = 0;

-- What is left of a line that closed long ago: enough to know it again. `content` is a digest of the line as placed.
CREATE TABLE past_line (
    order_id text NOT NULL,
    line_id text NOT NULL,
    closed_at timestamptz NOT NULL,
    content bytea NOT NULL,
    PRIMARY KEY (order_id, line_id)
);
CREATE INDEX past_line_closed ON past_line (closed_at);

CREATE INDEX IF NOT EXISTS cancellation_kept ON cancellation (kept_at);
"""


def upgrade() -> None:
    """Add what retention needs."""
    for statement in statements(RETENTION):
        op.execute(statement)
    op.execute(DEAD_LETTERS_BY_TIME)
