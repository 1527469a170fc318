"""The engine's tables and the queue's."""

from alembic import op

from backorder_runtime.tables import RUNTIME_TABLES, statements

revision = "0001"
down_revision = None

QUEUE = """
-- What a queue has besides its back orders: idle units, what is inbound, its timers, the policy it stands by.
CREATE TABLE lane_queue (
    lane text PRIMARY KEY,
    shard integer NOT NULL,
    policy_version text NOT NULL,
    state bytea NOT NULL
) WITH (fillfactor = 80);
CREATE INDEX lane_queue_shard ON lane_queue (shard, lane);

-- One row per back order; the columns are for questions (first the rank), `state` is the whole. `in_line` lines are
-- eligible and wait.
CREATE TABLE back_order (
    back_order_id text PRIMARY KEY,
    shard integer NOT NULL,
    lane text NOT NULL,
    order_id text NOT NULL,
    line_id text NOT NULL,
    status text NOT NULL,
    band text,
    rank_band integer,
    due_at timestamptz,
    placed_at timestamptz NOT NULL,
    waiting bigint NOT NULL,
    in_line boolean NOT NULL,
    opened_at timestamptz NOT NULL,
    closed_at timestamptz,
    state bytea NOT NULL
) WITH (fillfactor = 80);
CREATE INDEX back_order_open ON back_order (lane) WHERE closed_at IS NULL;
CREATE INDEX back_order_open_band ON back_order (shard, band, opened_at) WHERE closed_at IS NULL;
CREATE INDEX back_order_closed ON back_order (shard, closed_at) WHERE closed_at IS NOT NULL;

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

-- What each batch decided about, in which order and when: enough to decide it all again. The inputs themselves
-- stand in the topics.
CREATE TABLE journal (
    shard integer NOT NULL,
    position bigint GENERATED ALWAYS AS IDENTITY,
    at timestamptz NOT NULL,
    entry bytea NOT NULL,
    PRIMARY KEY (shard, position)
);

-- All queues as they were at a point of the journal (per shard: after `position`): where deciding again can start.
CREATE TABLE checkpoint (
    checkpoint bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL
);
CREATE TABLE checkpoint_shard (
    checkpoint bigint NOT NULL REFERENCES checkpoint ON DELETE CASCADE,
    shard integer NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (checkpoint, shard)
);
CREATE TABLE checkpoint_lane (
    checkpoint bigint NOT NULL REFERENCES checkpoint ON DELETE CASCADE,
    shard integer NOT NULL,
    lane text NOT NULL,
    policy_version text NOT NULL,
    state bytea NOT NULL,
    PRIMARY KEY (checkpoint, shard, lane)
);
CREATE TABLE checkpoint_back_order (
    checkpoint bigint NOT NULL REFERENCES checkpoint ON DELETE CASCADE,
    shard integer NOT NULL,
    lane text NOT NULL,
    back_order_id text NOT NULL,
    state bytea NOT NULL,
    PRIMARY KEY (checkpoint, shard, lane, back_order_id)
);

-- Commands that were answered: each is carried out once.
CREATE TABLE command (
    shard integer NOT NULL,
    command_id text NOT NULL,
    answered_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (shard, command_id)
);
CREATE INDEX command_answered ON command (shard, answered_at);

-- Every policy that a queue may still stand by.
CREATE TABLE policy (
    version text PRIMARY KEY,
    number bigint GENERATED ALWAYS AS IDENTITY,
    text text NOT NULL,
    taken_at timestamptz NOT NULL DEFAULT now()
);
"""


def upgrade() -> None:
    """Create everything."""
    for statement in statements(RUNTIME_TABLES + QUEUE):
        op.execute(statement)
