"""Ranks as columns, and why units went where they went."""

from alembic import op
from backorder_runtime.tables import statements

revision = "0002"
down_revision = "0001"

EXPLAINED = """
-- The rank and what is asked about it; `state` stays the whole.
ALTER TABLE back_order
    ADD COLUMN rank_band integer,
    ADD COLUMN due_at timestamptz,
    ADD COLUMN placed_at timestamptz,
    ADD COLUMN waiting bigint NOT NULL DEFAULT 0,
    ADD COLUMN in_line boolean NOT NULL DEFAULT false;

-- One row per decision about a back order that people ask about: who got units, who lost them, and why.
CREATE TABLE decision (
    back_order_id text NOT NULL,
    version integer NOT NULL,
    lane text NOT NULL,
    at timestamptz NOT NULL,
    kind text NOT NULL,
    rule text,
    rank integer,
    detail bytea NOT NULL,
    PRIMARY KEY (back_order_id, version)
);
CREATE INDEX decision_old ON decision (at);
"""


def upgrade() -> None:
    """Add columns and table."""
    for statement in statements(EXPLAINED):
        op.execute(statement)
