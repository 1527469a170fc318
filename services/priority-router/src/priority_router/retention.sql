-- What explains a back order goes with it: should it come back, its versions begin anew. The owner of its shard takes
-- both, and may have to wait for a rule of tables; such a rule waits for nobody, and leaves what another transaction
-- holds for the next time.

-- name: forget_back_orders
WITH gone AS (
    DELETE FROM back_order WHERE back_order_id IN (
        SELECT back_order_id FROM back_order
        WHERE shard = $1 AND closed_at < $2 AND closed_at IS NOT NULL AND NOT revivable
        ORDER BY closed_at LIMIT $3)
    RETURNING back_order_id
), explained AS (
    DELETE FROM decision USING gone WHERE decision.back_order_id = gone.back_order_id
)
SELECT back_order_id FROM gone

-- name: forget_revivable_back_orders
WITH gone AS (
    DELETE FROM back_order WHERE back_order_id IN (
        SELECT back_order_id FROM back_order WHERE shard = $1 AND closed_at < $2 ORDER BY closed_at LIMIT $3)
    RETURNING back_order_id
), explained AS (
    DELETE FROM decision USING gone WHERE decision.back_order_id = gone.back_order_id
)
SELECT back_order_id FROM gone

-- name: forget_commands
DELETE FROM command WHERE (shard, command_id) IN (
    SELECT shard, command_id FROM command WHERE shard = $1 AND answered_at < $2 ORDER BY answered_at LIMIT $3)
RETURNING 1

-- name: forget_decisions
-- What is open is explained for as long as it is open.
DELETE FROM decision WHERE (back_order_id, version) IN (
    SELECT back_order_id, version FROM decision AS old
    WHERE at < $1 AND NOT EXISTS (
        SELECT FROM back_order
        WHERE back_order.back_order_id = old.back_order_id AND back_order.closed_at IS NULL)
    ORDER BY at LIMIT $2 FOR UPDATE OF old SKIP LOCKED)
RETURNING 1

-- A checkpoint has a row for each back order that was open, so it goes in steps. First it is given up: from then on its
-- time is `-infinity`, and no replay starts there. Then its rows go, those of the oldest one first; at last itself.

-- name: give_up_checkpoints
-- The newest one that is old enough stays: it is where the oldest replay starts.
UPDATE checkpoint SET at = '-infinity' WHERE checkpoint IN (
    SELECT checkpoint FROM checkpoint
    WHERE isfinite(at) AND at < (SELECT max(at) FROM checkpoint WHERE at <= $1) LIMIT $2 FOR UPDATE SKIP LOCKED)
RETURNING 1

-- name: forget_checkpoint_back_orders
DELETE FROM checkpoint_back_order WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM checkpoint_back_order
    WHERE checkpoint = (SELECT min(checkpoint) FROM checkpoint WHERE NOT isfinite(at) AND at < $1)
    ORDER BY shard, lane, back_order_id LIMIT $2 FOR UPDATE SKIP LOCKED))
RETURNING 1

-- name: forget_checkpoint_lanes
DELETE FROM checkpoint_lane WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM checkpoint_lane
    WHERE checkpoint = (SELECT min(checkpoint) FROM checkpoint WHERE NOT isfinite(at) AND at < $1)
    ORDER BY shard, lane LIMIT $2 FOR UPDATE SKIP LOCKED))
RETURNING 1

-- name: forget_checkpoints
-- Its rows in `checkpoint_shard` go with it: they are as few as the shards.
DELETE FROM checkpoint WHERE checkpoint IN (
    SELECT checkpoint FROM checkpoint
    WHERE NOT isfinite(at) AND at < $1
      AND NOT EXISTS (SELECT FROM checkpoint_back_order AS part WHERE part.checkpoint = checkpoint.checkpoint)
      AND NOT EXISTS (SELECT FROM checkpoint_lane AS part WHERE part.checkpoint = checkpoint.checkpoint)
    LIMIT $2 FOR UPDATE OF checkpoint SKIP LOCKED)
RETURNING 1

-- name: forget_journal
-- What the oldest replay needs stays: of a shard that its checkpoint does not have, everything.
DELETE FROM journal WHERE (shard, position) IN (
    SELECT journal.shard, journal.position FROM journal
    JOIN checkpoint_shard AS kept ON kept.shard = journal.shard AND journal.position <= kept.position
    WHERE kept.checkpoint = (SELECT checkpoint FROM checkpoint WHERE isfinite(at) ORDER BY at LIMIT 1)
      AND journal.at < $1
    LIMIT $2 FOR UPDATE OF journal SKIP LOCKED)
RETURNING 1
