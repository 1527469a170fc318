-- Columns are named everywhere: a migration that adds one must not change what a statement returns.
-- The first parameter, and the first column of what is read, is the shard that asks. Statements stand in the order in
-- which a batch asks.

-- name: known
-- What is known of orders of which lines have just been placed: lines that were placed before, in whatever shard, and
-- with no line, that the shard keeps a cancellation. It is found once for a batch, in a walk along each index: a look
-- for each line costs two to four times as much. Every shard that asks hears of all, and picks out what it asked for.
WITH asking AS MATERIALIZED (
    SELECT DISTINCT unnest(string_to_array($1, ',')::integer[]) AS shard
), placed AS MATERIALIZED (
    SELECT order_id, line_id FROM line WHERE order_id = ANY (string_to_array($2, E'\x1f'))
    UNION ALL
    SELECT order_id, line_id FROM past_line WHERE order_id = ANY (string_to_array($2, E'\x1f'))
)
SELECT asking.shard, order_id, line_id FROM asking CROSS JOIN placed
UNION ALL
SELECT shard, order_id, NULL FROM cancellation
WHERE shard = ANY (string_to_array($1, ',')::integer[]) AND order_id = ANY (string_to_array($2, E'\x1f'))

-- name: lines
SELECT asked.shard, order_id, line_id, place, line.shard AS place_shard, lane, number, covered, cover_shipped, need,
       counted, cancelling, shipped, cancelled, away, recalled, opened, detail
FROM unnest(string_to_array($1, ',')::integer[], string_to_array($2, E'\x1f'), string_to_array($3, E'\x1f'))
    AS asked (shard, order_id, line_id)
JOIN line USING (order_id, line_id)

-- name: lines_of_orders
SELECT asked.shard, order_id, line_id, place, line.shard AS place_shard, lane, number, covered, cover_shipped, need,
       counted, cancelling, shipped, cancelled, away, recalled, opened, detail
FROM unnest(string_to_array($1, ',')::integer[], string_to_array($2, E'\x1f')) AS asked (shard, order_id)
JOIN line USING (order_id, shard) WHERE place = ''

-- name: lanes
SELECT asked.shard, part_id, location_id, on_hand, version, covered, handed, needed, number, lots
FROM unnest(string_to_array($1, ',')::integer[], string_to_array($2, E'\x1f')) AS asked (shard, lane)
JOIN lane USING (lane)

-- name: past_lines
SELECT asked.shard, order_id, line_id, content
FROM unnest(string_to_array($1, ',')::integer[], string_to_array($2, E'\x1f'), string_to_array($3, E'\x1f'))
    AS asked (shard, order_id, line_id)
JOIN past_line USING (order_id, line_id)

-- name: cancellations
SELECT shard, message
FROM unnest(string_to_array($1, ',')::integer[], string_to_array($2, E'\x1f')) AS asked (shard, order_id)
JOIN cancellation USING (shard, order_id)
ORDER BY order_id, kept_at, cancellation_id

-- name: newest_covered
SELECT asked.shard, order_id, line_id, place, line.shard AS place_shard, line.lane, number, covered, cover_shipped,
       need, counted, cancelling, shipped, cancelled, away, recalled, opened, detail
FROM unnest(string_to_array($1, ',')::integer[], string_to_array($2, E'\x1f'), string_to_array($3, ',')::bigint[])
    AS asked (shard, lane, units)
CROSS JOIN LATERAL (
    SELECT * FROM line WHERE line.lane = asked.lane AND line.covered > 0
    ORDER BY line.number DESC LIMIT asked.units
) AS line

-- name: save_lanes
UPDATE lane SET
    on_hand = new.on_hand, version = new.version, covered = new.covered, handed = new.handed, needed = new.needed,
    number = new.number, lots = new.lots
FROM unnest(string_to_array($1, ',')::integer[], string_to_array($2, E'\x1f'), string_to_array($3, ',')::bigint[],
            string_to_array($4, ',')::bigint[], string_to_array($5, ',')::bigint[],
            string_to_array($6, ',')::bigint[], string_to_array($7, ',')::bigint[],
            string_to_array($8, ',')::bigint[], $9::bytea[])
    AS new (shard, lane, on_hand, version, covered, handed, needed, number, lots)
WHERE lane.lane = new.lane

-- name: save_lines
UPDATE line SET
    covered = new.covered, cover_shipped = new.cover_shipped, need = new.need, counted = new.counted,
    cancelling = new.cancelling, shipped = new.shipped, cancelled = new.cancelled, away = new.away,
    recalled = new.recalled, opened = new.opened,
    closed_at = CASE WHEN new.covered = 0 AND new.need = 0 AND new.counted = 0 AND new.cancelling = 0 THEN now() END
FROM unnest(string_to_array($1, ',')::integer[], string_to_array($2, E'\x1f'), string_to_array($3, E'\x1f'),
            $4::text[], string_to_array($5, ',')::bigint[], string_to_array($6, ',')::bigint[],
            string_to_array($7, ',')::bigint[], string_to_array($8, ',')::bigint[],
            string_to_array($9, ',')::bigint[], string_to_array($10, ',')::bigint[],
            string_to_array($11, ',')::bigint[], string_to_array($12, ',')::bigint[],
            string_to_array($13, ',')::bigint[], $14::boolean[])
    AS new (shard, order_id, line_id, place, covered, cover_shipped, need, counted, cancelling, shipped, cancelled,
            away, recalled, opened)
WHERE line.order_id = new.order_id AND line.line_id = new.line_id AND line.place = new.place

-- name: keep_cancellations
INSERT INTO cancellation (shard, order_id, cancellation_id, message)
SELECT * FROM unnest(string_to_array($1, ',')::integer[], $2::text[], $3::text[], $4::bytea[])
ON CONFLICT DO NOTHING
