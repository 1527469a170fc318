-- name: places
-- Where each shard stands in what the other ledger tells it.
SELECT topic, shard, next_offset FROM priority_router.shard_input WHERE topic = 'back-order-queue'
UNION ALL SELECT topic, shard, next_offset FROM gap_detector.shard_input WHERE topic = 'back-order-need'

-- name: parked
SELECT lane FROM gap_detector.parked_input UNION SELECT lane FROM priority_router.parked_input

-- name: outbox
SELECT first_sequence, decided_at, payload FROM gap_detector.outbox
UNION ALL SELECT first_sequence, decided_at, payload FROM priority_router.outbox

-- name: line_pages
SELECT pg_relation_size('gap_detector.line') / current_setting('block_size')::bigint

-- name: line_sums
-- Of the lines in some pages of the table: all of them at once would be a scan that nobody can interrupt for a rest.
SELECT lane, sum(covered)::bigint AS covered, sum(counted)::bigint AS counted,
       min(least(covered, cover_shipped, need)) AS lowest
FROM gap_detector.line WHERE ctid >= $1 AND ctid < $2 GROUP BY lane

-- name: lines
-- What the queue has or the ledger counts in it, side by side; of the back orders that ended, the later ones. In no
-- order, so that the first rows come before the last have been read.
SELECT lane, order_id, line_id, need, counted, cancelling, back_order_id, waiting, state
FROM (
    SELECT lane, order_id, line_id, need, counted, cancelling FROM gap_detector.line
    WHERE need <> 0 OR counted <> 0 OR cancelling <> 0
) AS line
FULL JOIN (
    SELECT lane, order_id, line_id, back_order_id, waiting, state FROM priority_router.back_order
    WHERE closed_at IS NULL OR closed_at >= $1
) AS back_order USING (lane, order_id, line_id)

-- name: lanes
SELECT lane, coalesce(ledger.shard, queue.shard) AS shard, coalesce(on_hand, 0) AS on_hand,
       coalesce(covered, 0) AS covered, coalesce(handed, 0) AS handed, coalesce(needed, 0) AS needed, state
FROM (SELECT lane, shard, on_hand, covered, handed, needed FROM gap_detector.lane) AS ledger
FULL JOIN (SELECT lane, shard, state FROM priority_router.lane_queue) AS queue USING (lane)
ORDER BY lane COLLATE "C"

-- name: covered_lines
SELECT order_id, line_id FROM gap_detector.line WHERE lane = $1 AND covered > 0 ORDER BY number DESC LIMIT $2
