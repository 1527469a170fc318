-- name: lane
SELECT lane, policy_version, state FROM lane_queue WHERE lane = $1

-- name: lane_sums
SELECT count(*) AS open, count(*) FILTER (WHERE in_line) AS lines,
       coalesce(sum(waiting) FILTER (WHERE in_line), 0)::bigint AS units
FROM back_order WHERE lane = $1 AND closed_at IS NULL

-- name: lane_page
-- The open back orders in the order in which they are served; `ahead` counts the waiting lines before each.
SELECT state, ahead FROM (
    SELECT state, count(*) FILTER (WHERE in_line) OVER served - in_line::integer AS ahead,
           row_number() OVER served AS place
    FROM back_order WHERE lane = $1 AND closed_at IS NULL
    WINDOW served AS (
        ORDER BY rank_band NULLS LAST, due_at, placed_at, order_id COLLATE "C", line_id COLLATE "C"
        ROWS UNBOUNDED PRECEDING)
) AS queue
WHERE place > $2 ORDER BY place LIMIT $3

-- name: back_order
SELECT lane, state FROM back_order WHERE back_order_id = $1

-- name: back_orders
SELECT state FROM back_order WHERE back_order_id = ANY ($1::text[])

-- name: ahead
SELECT count(*) AS lines, coalesce(sum(waiting), 0)::bigint AS units FROM back_order
WHERE lane = $1 AND closed_at IS NULL AND in_line
  AND (rank_band, due_at, placed_at, order_id COLLATE "C", line_id COLLATE "C") < ($2, $3, $4, $5, $6)

-- name: nearest_ahead
SELECT state FROM back_order
WHERE lane = $1 AND closed_at IS NULL AND in_line
  AND (rank_band, due_at, placed_at, order_id COLLATE "C", line_id COLLATE "C") < ($2, $3, $4, $5, $6)
ORDER BY rank_band DESC, due_at DESC, placed_at DESC, order_id COLLATE "C" DESC, line_id COLLATE "C" DESC LIMIT $7

-- name: decisions
SELECT version, at, kind, rule, rank, detail FROM decision
WHERE back_order_id = $1 ORDER BY version DESC LIMIT $2

-- name: policy_text
SELECT text FROM policy WHERE version = $1

-- name: lanes_left
SELECT count(*) AS lanes, count(*) FILTER (WHERE policy_version <> $1 OR EXISTS (
    SELECT FROM timer WHERE timer.shard = lane_queue.shard AND timer.lane = lane_queue.lane
                        AND timer.key IN ('policy', 'settle'))) AS lanes_left
FROM lane_queue
