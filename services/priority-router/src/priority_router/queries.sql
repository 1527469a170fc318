-- Those of a batch: the first parameter, and the first column of what is read, is the shard that asks. They stand in
-- the order in which a batch asks.

-- name: open_back_orders
SELECT asked.shard, lane, state
FROM unnest(string_to_array($1, ',')::integer[], string_to_array($2, E'\x1f')) AS asked (shard, lane)
JOIN back_order USING (lane)
WHERE closed_at IS NULL
ORDER BY back_order_id COLLATE "C"

-- name: lanes
SELECT asked.shard, lane, policy_version, state
FROM unnest(string_to_array($1, ',')::integer[], string_to_array($2, E'\x1f')) AS asked (shard, lane)
JOIN lane_queue USING (lane)

-- name: policy
SELECT asked.shard, text FROM unnest($1::integer[], $2::text[]) AS asked (shard, version) JOIN policy USING (version)

-- name: back_orders
SELECT asked.shard, lane, state
FROM unnest(string_to_array($1, ',')::integer[], string_to_array($2, E'\x1f')) AS asked (shard, back_order_id)
JOIN back_order USING (back_order_id)

-- name: answered
SELECT shard, command_id, content FROM unnest($1::integer[], $2::text[]) AS asked (shard, command_id)
JOIN command USING (shard, command_id)

-- name: save_lanes
INSERT INTO lane_queue (shard, lane, policy_version, state)
SELECT * FROM unnest(string_to_array($1, ',')::integer[], string_to_array($2, E'\x1f'), $3::text[], $4::bytea[])
ON CONFLICT (lane) DO UPDATE SET policy_version = excluded.policy_version, state = excluded.state

-- name: hold_policy
SELECT shard, pg_advisory_xact_lock_shared(number)
FROM unnest($1::integer[], $2::bigint[]) AS asked (shard, number)

-- name: ask_lanes
INSERT INTO timer (shard, lane, key, due_at)
SELECT shard, lane, 'policy', now()
FROM unnest(string_to_array($1, ',')::integer[], string_to_array($2, E'\x1f')) AS asked (shard, lane)
ON CONFLICT DO NOTHING

-- name: save_back_orders
INSERT INTO back_order (shard, lane, back_order_id, order_id, line_id, status, band, opened_at, closed_at,
                        rank_band, due_at, placed_at, waiting, in_line, state, revivable)
SELECT * FROM unnest(string_to_array($1, ',')::integer[], string_to_array($2, E'\x1f'),
                     string_to_array($3, E'\x1f'), string_to_array($4, E'\x1f'), string_to_array($5, E'\x1f'),
                     $6::text[], $7::text[], $8::timestamptz[], $9::timestamptz[], $10::integer[],
                     $11::timestamptz[], $12::timestamptz[], string_to_array($13, ',')::bigint[], $14::boolean[],
                     $15::bytea[], $16::boolean[])
ON CONFLICT (back_order_id) DO UPDATE SET
    status = excluded.status, band = excluded.band, closed_at = excluded.closed_at, rank_band = excluded.rank_band,
    due_at = excluded.due_at, placed_at = excluded.placed_at, waiting = excluded.waiting,
    in_line = excluded.in_line, state = excluded.state, revivable = excluded.revivable

-- name: add_decisions
INSERT INTO decision (back_order_id, version, lane, at, kind, rule, rank, detail)
SELECT back_order_id, version, lane, at, kind, rule, rank, detail
FROM unnest(string_to_array($1, ',')::integer[], string_to_array($2, E'\x1f'), string_to_array($3, ',')::integer[],
            string_to_array($4, E'\x1f'), $5::timestamptz[], $6::text[], $7::text[], $8::integer[], $9::bytea[])
    AS new (shard, back_order_id, version, lane, at, kind, rule, rank, detail)

-- name: add_journal
INSERT INTO journal (shard, at, entry) SELECT * FROM unnest($1::integer[], $2::timestamptz[], $3::bytea[])

-- name: note_answered
-- There may be a row of the version before whose command is called like the `ce_id` of this one.
INSERT INTO command (shard, command_id, content) SELECT * FROM unnest($1::integer[], $2::text[], $3::bytea[])
ON CONFLICT (shard, command_id) DO UPDATE SET content = excluded.content, answered_at = excluded.answered_at

-- name: open_by_band
SELECT band, count(*) AS open, min(opened_at) AS oldest FROM back_order
WHERE shard = ANY ($1::integer[]) AND closed_at IS NULL GROUP BY band
