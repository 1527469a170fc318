-- Columns are named everywhere: a migration that adds one must not change what a statement returns.

-- name: lanes
SELECT part_id, location_id, on_hand, version, covered, handed, needed, number, lots
FROM lane WHERE lane = ANY ($1::text[])

-- name: lines
SELECT order_id, line_id, place, shard, lane, number, covered, cover_shipped, need, counted, cancelling, shipped,
       cancelled, away, recalled, opened, detail
FROM line
JOIN unnest(string_to_array($1, E'\x1f'), string_to_array($2, E'\x1f')) AS wanted (order_id, line_id) USING (order_id, line_id)

-- name: past_lines
SELECT order_id, line_id, content FROM past_line
JOIN unnest(string_to_array($1, E'\x1f'), string_to_array($2, E'\x1f')) AS wanted (order_id, line_id) USING (order_id, line_id)

-- name: lines_of_orders
SELECT order_id, line_id, place, shard, lane, number, covered, cover_shipped, need, counted, cancelling, shipped,
       cancelled, away, recalled, opened, detail
FROM line WHERE order_id = ANY ($1::text[]) AND shard = $2 AND place = ''

-- name: newest_covered
SELECT order_id, line_id, place, shard, line.lane, number, covered, cover_shipped, need, counted, cancelling, shipped,
       cancelled, away, recalled, opened, detail
FROM unnest($1::text[], $2::bigint[]) AS wanted (lane, units)
CROSS JOIN LATERAL (
    SELECT * FROM line WHERE line.lane = wanted.lane AND line.covered > 0
    ORDER BY line.number DESC LIMIT wanted.units
) AS line

-- name: cancellations
SELECT message FROM cancellation WHERE shard = $1 AND order_id = ANY (string_to_array($2, E'\x1f'))
ORDER BY order_id, kept_at, cancellation_id

-- name: save_lanes
UPDATE lane SET
    on_hand = new.on_hand, version = new.version, covered = new.covered, handed = new.handed, needed = new.needed,
    number = new.number, lots = new.lots
FROM unnest(string_to_array($1, E'\x1f'), string_to_array($2, ',')::bigint[], string_to_array($3, ',')::bigint[],
            string_to_array($4, ',')::bigint[], string_to_array($5, ',')::bigint[],
            string_to_array($6, ',')::bigint[], string_to_array($7, ',')::bigint[], $8::bytea[])
    AS new (lane, on_hand, version, covered, handed, needed, number, lots)
WHERE lane.lane = new.lane

-- name: save_lines
UPDATE line SET
    covered = new.covered, cover_shipped = new.cover_shipped, need = new.need, counted = new.counted,
    cancelling = new.cancelling, shipped = new.shipped, cancelled = new.cancelled, away = new.away,
    recalled = new.recalled, opened = new.opened,
    closed_at = CASE WHEN new.covered = 0 AND new.need = 0 AND new.counted = 0 AND new.cancelling = 0 THEN now() END
FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[],
            $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::boolean[])
    AS new (order_id, line_id, place, covered, cover_shipped, need, counted, cancelling, shipped, cancelled,
            away, recalled, opened)
WHERE line.order_id = new.order_id AND line.line_id = new.line_id AND line.place = new.place

-- name: keep_cancellations
INSERT INTO cancellation (shard, order_id, cancellation_id, message)
SELECT $1, * FROM unnest($2::text[], $3::text[], $4::bytea[])
ON CONFLICT DO NOTHING
