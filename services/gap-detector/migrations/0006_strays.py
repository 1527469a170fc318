"""Shipments of orders that nobody places stand in no rule's way. The version before works on: it ignores what is new.

In a ledger of many million lines the indexes take a while; build the first beforehand with CREATE INDEX CONCURRENTLY.
"""

from alembic import op

from backorder_runtime.tables import statements

revision = "0006"
down_revision = "0005"

STRAYS = """
-- the lines that may leave, without the shipments among them that wait for their order
CREATE INDEX IF NOT EXISTS line_closed_placed ON line (shard, closed_at)
    WHERE covered = 0 AND need = 0 AND counted = 0 AND cancelling = 0 AND detail IS NOT NULL;

-- Of a shipment whose order had not come when retention looked for it: the `closed_at` of then. Another shipment moves
-- `closed_at` on, and it is looked for again.
ALTER TABLE line ADD COLUMN stray timestamptz;
CREATE INDEX line_early ON line (shard, closed_at)
    WHERE covered = 0 AND need = 0 AND counted = 0 AND cancelling = 0
      AND detail IS NULL AND stray IS DISTINCT FROM closed_at;
"""


def upgrade() -> None:
    """Add what keeps the two apart."""
    for statement in statements(STRAYS):
        op.execute(statement)
