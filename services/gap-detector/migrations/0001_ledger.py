"""The engine's tables and the ledger's."""

from alembic import op

from backorder_runtime.tables import RUNTIME_TABLES, statements

revision = "0001"
down_revision = None

LEDGER = """
CREATE TABLE lane (
    lane text PRIMARY KEY,
    shard integer NOT NULL,
    part_id text NOT NULL,
    location_id text NOT NULL,
    on_hand bigint NOT NULL,
    version bigint NOT NULL,
    covered bigint NOT NULL,
    handed bigint NOT NULL,
    needed bigint NOT NULL,
    number bigint NOT NULL,
    lots bytea NOT NULL
) WITH (fillfactor = 80);

-- One row per order line. `place` is '' where the line was first placed, so that it can be placed only once; the lane
-- where it was sent on to; or '?' and the lane while only a shipment is known of it, which overtook its order.
CREATE TABLE line (
    order_id text NOT NULL,
    line_id text NOT NULL,
    place text NOT NULL,
    shard integer NOT NULL,
    lane text NOT NULL,
    number bigint NOT NULL,
    covered bigint NOT NULL,
    cover_shipped bigint NOT NULL,
    need bigint NOT NULL,
    counted bigint NOT NULL,
    cancelling bigint NOT NULL,
    shipped bigint NOT NULL,
    cancelled bigint NOT NULL,
    away bigint NOT NULL,
    recalled bigint NOT NULL,
    opened boolean NOT NULL,
    detail bytea,
    PRIMARY KEY (order_id, line_id, place)
) WITH (fillfactor = 90);
-- lost stock uncovers the newest lines first
CREATE INDEX line_covered ON line (lane, number DESC) WHERE covered > 0;

-- Cancellations, kept by every shard for lines that come late.
CREATE TABLE cancellation (
    shard integer NOT NULL,
    order_id text NOT NULL,
    cancellation_id text NOT NULL,
    kept_at timestamptz NOT NULL DEFAULT now(),
    message bytea NOT NULL,
    PRIMARY KEY (shard, order_id, cancellation_id)
);
"""


def upgrade() -> None:
    """Create everything."""
    for statement in statements(RUNTIME_TABLES + LEDGER):
        op.execute(statement)
