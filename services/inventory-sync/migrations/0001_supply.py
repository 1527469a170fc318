"""The engine's tables and those of the lanes' supply."""

from alembic import op

from backorder_runtime.tables import RUNTIME_TABLES, statements

revision = "0001"
down_revision = None

SUPPLY = """
CREATE TABLE lane (
    lane text PRIMARY KEY,
    shard integer NOT NULL,
    part_id text NOT NULL,
    location_id text NOT NULL,
    on_hand bigint NOT NULL,
    version bigint NOT NULL
) WITH (fillfactor = 80);

-- Every version of a lane that was taken: it counts once, however often and however late it comes.
CREATE TABLE stock_version (
    lane text NOT NULL,
    version bigint NOT NULL,
    on_hand bigint NOT NULL,
    content bytea NOT NULL,
    contested boolean NOT NULL,
    taken_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (lane, version)
);

-- A delivery in its lane; `version` and the columns like it are null while only stock records name it.
CREATE TABLE delivery (
    lane text NOT NULL,
    delivery_id text NOT NULL,
    supplier_id text,
    version bigint,
    status text,
    quantity bigint,
    received bigint,
    promised_at timestamptz,
    first_promised_at timestamptz,
    revisions integer NOT NULL,
    contested boolean NOT NULL,
    in_stock bigint NOT NULL,
    open_quantity bigint NOT NULL,
    overdue boolean NOT NULL,
    open boolean NOT NULL,
    doubts bytea NOT NULL,
    PRIMARY KEY (lane, delivery_id)
) WITH (fillfactor = 80);
CREATE INDEX delivery_open ON delivery (lane) WHERE open;

-- The lane that a delivery was announced in first, over all shards.
CREATE TABLE delivery_lane (
    delivery_id text PRIMARY KEY,
    lane text NOT NULL
);
"""


def upgrade() -> None:
    """Create everything."""
    for statement in statements(RUNTIME_TABLES + SUPPLY):
        op.execute(statement)
