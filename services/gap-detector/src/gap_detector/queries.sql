-- name: lanes
SELECT part_id, location_id, on_hand, version, covered, handed, needed, number, lots
FROM lane WHERE lane = ANY ($1::text[])

-- name: lines
SELECT line.* FROM line
JOIN unnest($1::text[], $2::text[]) AS wanted (order_id, line_id) USING (order_id, line_id)

-- name: lines_of_orders
SELECT * FROM line WHERE order_id = ANY ($1::text[]) AND shard = $2 AND rerouted_to = ''

-- name: newest_covered
SELECT line.* FROM unnest($1::text[], $2::bigint[]) AS wanted (lane, units)
CROSS JOIN LATERAL (
    SELECT * FROM line WHERE line.lane = wanted.lane AND line.covered > 0
    ORDER BY line.number DESC LIMIT wanted.units
) AS line

-- name: early_shipments
SELECT lane, order_id, line_id, shipped FROM early_shipment
JOIN unnest($1::text[], $2::text[]) AS wanted (order_id, line_id) USING (order_id, line_id)

-- name: cancellations
SELECT message FROM cancellation WHERE shard = $1 AND order_id = ANY ($2::text[])
ORDER BY order_id, kept_at, cancellation_id

-- name: save_lanes
INSERT INTO lane (shard, lane, part_id, location_id, on_hand, version, covered, handed, needed, number, lots)
SELECT $1, * FROM unnest($2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[],
                         $8::bigint[], $9::bigint[], $10::bigint[], $11::bytea[])
ON CONFLICT (lane) DO UPDATE SET
    on_hand = excluded.on_hand, version = excluded.version, covered = excluded.covered,
    handed = excluded.handed, needed = excluded.needed, number = excluded.number, lots = excluded.lots

-- name: add_lines
-- Another shard may have stored the same line in another lane meanwhile: then a row is missing in the answer.
INSERT INTO line (shard, order_id, line_id, rerouted_to, lane, number, covered, cover_shipped, need, counted,
                  cancelling, shipped, cancelled, opened, detail)
SELECT $1, * FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::bigint[],
                         $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[],
                         $14::boolean[], $15::bytea[])
ON CONFLICT DO NOTHING

-- name: save_lines
UPDATE line SET
    covered = new.covered, cover_shipped = new.cover_shipped, need = new.need, counted = new.counted,
    cancelling = new.cancelling, shipped = new.shipped, cancelled = new.cancelled, opened = new.opened
FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[],
            $8::bigint[], $9::bigint[], $10::bigint[], $11::boolean[])
    AS new (order_id, line_id, rerouted_to, covered, cover_shipped, need, counted, cancelling, shipped,
            cancelled, opened)
WHERE line.order_id = new.order_id AND line.line_id = new.line_id AND line.rerouted_to = new.rerouted_to

-- name: save_early_shipments
INSERT INTO early_shipment (lane, order_id, line_id, shipped)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[])
ON CONFLICT (order_id, line_id, lane) DO UPDATE SET shipped = excluded.shipped

-- name: keep_cancellations
INSERT INTO cancellation (shard, order_id, cancellation_id, message)
SELECT $1, * FROM unnest($2::text[], $3::text[], $4::bytea[])
ON CONFLICT DO NOTHING
