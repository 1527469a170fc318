-- name: lanes
SELECT lane, policy_version, state FROM lane_queue WHERE lane = ANY ($1::text[])

-- name: open_back_orders
SELECT lane, state FROM back_order WHERE lane = ANY ($1::text[]) AND closed_at IS NULL
ORDER BY back_order_id COLLATE "C"

-- name: back_orders
SELECT lane, shard, state FROM back_order WHERE back_order_id = ANY ($1::text[])

-- name: save_lanes
INSERT INTO lane_queue (shard, lane, policy_version, state)
SELECT $1, * FROM unnest($2::text[], $3::text[], $4::bytea[])
ON CONFLICT (lane) DO UPDATE SET policy_version = excluded.policy_version, state = excluded.state

-- name: save_back_orders
INSERT INTO back_order (shard, lane, back_order_id, order_id, line_id, status, band, opened_at, closed_at,
                        rank_band, due_at, placed_at, waiting, in_line, state, revivable)
SELECT $1, * FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
                         $8::timestamptz[], $9::timestamptz[], $10::integer[], $11::timestamptz[],
                         $12::timestamptz[], $13::bigint[], $14::boolean[], $15::bytea[], $16::boolean[])
ON CONFLICT (back_order_id) DO UPDATE SET
    status = excluded.status, band = excluded.band, closed_at = excluded.closed_at, rank_band = excluded.rank_band,
    due_at = excluded.due_at, placed_at = excluded.placed_at, waiting = excluded.waiting,
    in_line = excluded.in_line, state = excluded.state, revivable = excluded.revivable

-- name: add_decisions
INSERT INTO decision (back_order_id, version, lane, at, kind, rule, rank, detail)
SELECT * FROM unnest($1::text[], $2::integer[], $3::text[], $4::timestamptz[], $5::text[], $6::text[],
                     $7::integer[], $8::bytea[])

-- name: answered
SELECT command_id FROM command WHERE shard = $1 AND command_id = ANY ($2::text[])

-- name: add_journal
INSERT INTO journal (shard, at, entry) VALUES ($1, $2, $3)

-- name: note_answered
INSERT INTO command (shard, command_id) SELECT $1, * FROM unnest($2::text[]) ON CONFLICT DO NOTHING

-- name: open_by_band
SELECT band, count(*) AS open, min(opened_at) AS oldest FROM back_order
WHERE shard = ANY ($1::integer[]) AND closed_at IS NULL GROUP BY band
