-- name: start
-- A checkpoint that retention has given up has no longer a finite time, and maybe no longer all its rows.
SELECT checkpoint, at FROM checkpoint WHERE isfinite(at) AND ($1::timestamptz IS NULL OR at <= $1)
ORDER BY CASE WHEN $1::timestamptz IS NULL THEN at END, at DESC LIMIT 1

-- name: oldest
SELECT min(at) FROM checkpoint WHERE isfinite(at)

-- name: shards
SELECT shard FROM shard ORDER BY shard

-- name: policies
SELECT version, text FROM policy

-- name: position
SELECT position FROM checkpoint_shard WHERE checkpoint = $1 AND shard = $2

-- name: checkpoint_lanes
SELECT lane, policy_version, state FROM checkpoint_lane WHERE checkpoint = $1 AND shard = $2

-- name: checkpoint_back_orders
SELECT lane, state FROM checkpoint_back_order WHERE checkpoint = $1 AND shard = $2
ORDER BY lane, back_order_id COLLATE "C"

-- name: journal
SELECT position, at, entry FROM journal WHERE shard = $1 AND position > $2 ORDER BY position LIMIT $3
