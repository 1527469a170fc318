"""The engine's own tables, which every service has in its schema. Its first migration creates them."""

import re


def statements(script: str) -> list[str]:
    """The statements of an SQL script, each of which ends in a semicolon at the end of a line."""
    return [statement for statement in re.split(r";\s*\n", script + "\n") if statement.strip()]


RUNTIME_TABLES = """
-- One row per shard: who owns it (the epoch fences everybody else) and how far its outbox is numbered and sent.
CREATE TABLE shard (
    shard integer PRIMARY KEY,
    epoch bigint NOT NULL DEFAULT 0,
    owner text,
    claimed_at timestamptz,
    next_sequence bigint NOT NULL DEFAULT 1,
    sent_sequence bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

-- Where a shard stands in each of its input topics; the highest sequence seen of a topic's one publisher.
CREATE TABLE shard_input (
    shard integer NOT NULL REFERENCES shard,
    topic text NOT NULL,
    next_offset bigint NOT NULL,
    last_sequence bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (shard, topic)
) WITH (fillfactor = 50);

-- What a shard has decided to publish and the broker has not confirmed yet: one row per batch.
CREATE TABLE outbox (
    shard integer NOT NULL REFERENCES shard,
    first_sequence bigint NOT NULL,
    count integer NOT NULL CHECK (count > 0),
    decided_at timestamptz NOT NULL,
    payload bytea NOT NULL,
    PRIMARY KEY (shard, first_sequence)
);

CREATE TABLE timer (
    shard integer NOT NULL,
    lane text NOT NULL,
    key text NOT NULL,
    due_at timestamptz NOT NULL,
    PRIMARY KEY (shard, lane, key)
);
CREATE INDEX timer_due ON timer (shard, due_at);

-- Public records that a lane refused after intake: each is a dead letter once, however many lanes refuse it.
CREATE TABLE dead_letter (
    topic text NOT NULL,
    partition integer NOT NULL,
    "offset" bigint NOT NULL,
    reason text NOT NULL,
    detail text NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (topic, partition, "offset")
);

-- Lanes stopped by a defect of ours, and their inputs since, in order.
CREATE TABLE parked_lane (
    shard integer NOT NULL,
    lane text NOT NULL,
    error text NOT NULL,
    since timestamptz NOT NULL,
    resume boolean NOT NULL DEFAULT false,
    PRIMARY KEY (shard, lane)
);
CREATE TABLE parked_input (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    shard integer NOT NULL,
    lane text NOT NULL,
    record bytea NOT NULL
);
CREATE INDEX parked_input_lane ON parked_input (shard, lane, id);
"""

DEAD_LETTERS_BY_TIME = "CREATE INDEX IF NOT EXISTS dead_letter_at ON dead_letter (at)"
"""For retention. A later migration of every service than its first."""

TOPIC_PIN = """
-- The topics that the offsets of this schema belong to. A topic of the same name may be another one.
CREATE TABLE topic_pin (
    topic text PRIMARY KEY,
    topic_id text NOT NULL,
    partitions integer NOT NULL,
    cluster_id text NOT NULL,
    pinned_at timestamptz NOT NULL
)
"""
"""Later than the first migration of every service, too."""

VOID_NUMBERS = """
-- Numbers that a publisher gave before its database was restored, to what that no longer knows: what has one is not
-- taken. Written by whoever restores the database, for all services at once (restored.sql).
CREATE TABLE void_number (
    source text NOT NULL,
    first bigint NOT NULL,
    last bigint NOT NULL CHECK (last >= first),
    since timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (source, first)
)
"""
"""Later than the first migration of every service, too."""
