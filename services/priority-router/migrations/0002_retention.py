"""Back orders that ended leave the queue. The version before works on with this: it ignores what is new here.

In a table of many million back orders the index takes a while; build it beforehand with CREATE INDEX CONCURRENTLY.
"""

from alembic import op

from backorder_runtime.tables import DEAD_LETTERS_BY_TIME, statements

revision = "0002"
down_revision = "0001"

RETENTION = """
-- Whether more may come for a back order that has ended: of its line units are covered, which may be lost, or went to
-- another lane, where a cancellation has to follow them. Null, stored by the version before, means that it may.
ALTER TABLE back_order ADD COLUMN revivable boolean;
CREATE INDEX IF NOT EXISTS back_order_over ON back_order (shard, closed_at)
    WHERE closed_at IS NOT NULL AND NOT revivable;
"""


def upgrade() -> None:
    """Add what retention needs."""
    for statement in statements(RETENTION):
        op.execute(statement)
    op.execute(DEAD_LETTERS_BY_TIME)
