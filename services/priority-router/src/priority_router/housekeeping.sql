-- name: checkpoint_wanted
-- One process does it; the lock is held to the end of the transaction.
SELECT pg_try_advisory_xact_lock(hashtext('priority-router checkpoint'))
   AND NOT EXISTS (SELECT FROM checkpoint WHERE at > $1)

-- name: allow
-- What a statement of this transaction may take, in place of what the role allows, which is meant for batches.
SELECT set_config('statement_timeout', $1, true)

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
