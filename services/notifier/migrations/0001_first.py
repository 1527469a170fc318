"""The notifier's tables."""

from alembic import op

from backorder_runtime.tables import RUNTIME_TABLES

revision = "0001"
down_revision = None

TABLES = """
-- The newest version seen of each back order: what came before it is a repetition.
CREATE TABLE back_order (
    back_order_id text PRIMARY KEY,
    version bigint NOT NULL CHECK (version > 0),
    closed_at timestamptz
) WITH (fillfactor = 80);
CREATE INDEX back_order_closed ON back_order (closed_at) WHERE closed_at IS NOT NULL;

-- Where people can be reached. The only place with addresses.
CREATE TABLE contact (
    audience text NOT NULL CHECK (audience IN ('customer', 'team')),
    recipient_id text NOT NULL,
    email text,
    push_url text,
    hard_bounces integer NOT NULL DEFAULT 0,
    suspended_at timestamptz,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (audience, recipient_id)
);

-- One recipient hears of one event through one channel. Every row ends, and its end is published once.
CREATE TABLE notification (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    notification_id text NOT NULL UNIQUE,
    shard integer NOT NULL,
    lane text NOT NULL,
    event_id text NOT NULL,
    event_type text NOT NULL,
    kind text NOT NULL,
    back_order_id text NOT NULL,
    version bigint NOT NULL,
    order_id text NOT NULL,
    audience text NOT NULL,
    recipient_id text NOT NULL,
    channel text NOT NULL CHECK (channel IN ('email', 'push')),
    state jsonb NOT NULL,
    caused_at timestamptz NOT NULL,
    decided_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    status text NOT NULL DEFAULT 'pending'
        CHECK (status IN ('pending', 'leased', 'sent', 'failed', 'suppressed', 'expired')),
    reason text,
    attempts integer NOT NULL DEFAULT 0,
    message_id text,
    finished_at timestamptz,
    CHECK ((status IN ('pending', 'leased')) = (finished_at IS NULL)),
    CHECK ((status = 'leased') <= (message_id IS NOT NULL))
) WITH (fillfactor = 70);
CREATE INDEX notification_due ON notification (channel, due_at, seq) WHERE status = 'pending';
CREATE INDEX notification_conversation ON notification (audience, recipient_id, channel, order_id, back_order_id)
    WHERE status = 'pending';
CREATE INDEX notification_expires ON notification (expires_at) WHERE status = 'pending';
CREATE INDEX notification_message ON notification (message_id) WHERE status = 'leased';
CREATE INDEX notification_back_order ON notification (back_order_id);
CREATE INDEX notification_finished ON notification (finished_at) WHERE finished_at IS NOT NULL;

-- A message under way: several notifications for one recipient about one order. It is gone when it has ended.
-- 'sending' is written before the step that cannot be taken back, so that a crash within it is recognised;
-- 'waiting' holds no news, only the time before which this conversation is not tried again.
CREATE SEQUENCE message_epoch;
CREATE TABLE message (
    message_id text PRIMARY KEY,
    audience text NOT NULL,
    recipient_id text NOT NULL,
    channel text NOT NULL,
    order_id text NOT NULL,
    status text NOT NULL CHECK (status IN ('leased', 'sending', 'waiting')),
    epoch bigint NOT NULL DEFAULT nextval('message_epoch'),
    lease_until timestamptz NOT NULL,
    tries integer NOT NULL DEFAULT 1,
    refusals integer NOT NULL DEFAULT 0,
    UNIQUE (audience, recipient_id, channel, order_id)
) WITH (fillfactor = 70);
CREATE INDEX message_lease ON message (channel, lease_until);

-- The dates that somebody was told last: what has been said, however the forecast moves.
CREATE TABLE told (
    audience text NOT NULL,
    recipient_id text NOT NULL,
    channel text NOT NULL,
    back_order_id text NOT NULL,
    version bigint NOT NULL,
    p50 timestamptz,
    p90 timestamptz,
    told_at timestamptz NOT NULL,
    PRIMARY KEY (audience, recipient_id, channel, back_order_id)
);
CREATE INDEX told_back_order ON told (back_order_id);
"""


def upgrade() -> None:
    """Create the engine's tables and our own."""
    for statement in (RUNTIME_TABLES + TABLES).split(";\n"):
        if statement.strip():
            op.execute(statement)
