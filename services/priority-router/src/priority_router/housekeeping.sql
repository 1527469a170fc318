-- name: forget_decisions
-- What is open is explained for as long as it is open.
DELETE FROM decision WHERE (back_order_id, version) IN (
    SELECT back_order_id, version FROM decision AS old
    WHERE at < $1 AND NOT EXISTS (
        SELECT FROM back_order
        WHERE back_order.back_order_id = old.back_order_id AND back_order.closed_at IS NULL)
    LIMIT $2)

-- name: checkpoint_wanted
-- One process does it; the lock is held to the end of the transaction.
SELECT pg_try_advisory_xact_lock(hashtext('priority-router checkpoint'))
   AND NOT EXISTS (SELECT FROM checkpoint WHERE at > $1)

-- name: checkpoint
INSERT INTO checkpoint (at) VALUES ($1) RETURNING checkpoint

-- name: checkpoint_shards
INSERT INTO checkpoint_shard (checkpoint, shard, position)
SELECT $1, shard, coalesce((SELECT max(position) FROM journal WHERE journal.shard = shard.shard), 0) FROM shard

-- name: checkpoint_lanes
INSERT INTO checkpoint_lane (checkpoint, shard, lane, policy_version, state)
SELECT $1, shard, lane, policy_version, state FROM lane_queue

-- name: checkpoint_back_orders
INSERT INTO checkpoint_back_order (checkpoint, shard, lane, back_order_id, state)
SELECT $1, shard, lane, back_order_id, state FROM back_order WHERE closed_at IS NULL

-- name: forget_checkpoints
-- The newest one that is old enough stays: it is where the oldest replay starts.
DELETE FROM checkpoint WHERE at < (SELECT max(at) FROM checkpoint WHERE at <= $1)

-- name: forget_journal
DELETE FROM journal WHERE (shard, position) IN (
    SELECT journal.shard, journal.position FROM journal
    JOIN (SELECT shard, min(position) AS position FROM checkpoint_shard GROUP BY shard) AS kept
      ON kept.shard = journal.shard AND journal.position <= kept.position
    LIMIT $1)
