-- name: lanes
SELECT part_id, location_id, on_hand, version FROM lane WHERE lane = ANY ($1::text[])

-- name: open_deliveries
SELECT lane, delivery_id, supplier_id, version, status, quantity, received, promised_at, first_promised_at, revisions,
       contested, in_stock, overdue, doubts
FROM delivery WHERE lane = ANY ($1::text[]) AND open

-- name: deliveries
SELECT lane, delivery_id, supplier_id, version, status, quantity, received, promised_at, first_promised_at, revisions,
       contested, in_stock, overdue, doubts
FROM delivery
JOIN unnest($1::text[], $2::text[]) AS wanted (lane, delivery_id) USING (lane, delivery_id)

-- name: versions
SELECT lane, version, on_hand, content, contested FROM stock_version
JOIN unnest($1::text[], $2::bigint[]) AS wanted (lane, version) USING (lane, version)

-- name: forgotten
SELECT lane, version FROM forgotten_version WHERE lane = ANY ($1::text[])

-- name: places
SELECT delivery_id, lane FROM delivery_lane WHERE delivery_id = ANY ($1::text[])

-- name: save_lanes
INSERT INTO lane (shard, lane, part_id, location_id, on_hand, version)
SELECT $1, * FROM unnest($2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[])
ON CONFLICT (lane) DO UPDATE SET on_hand = excluded.on_hand, version = excluded.version

-- name: save_versions
INSERT INTO stock_version (lane, version, on_hand, content, contested)
SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bytea[], $5::boolean[])
ON CONFLICT (lane, version) DO UPDATE SET contested = excluded.contested

-- name: save_deliveries
INSERT INTO delivery (lane, delivery_id, supplier_id, version, status, quantity, received, promised_at,
                      first_promised_at, revisions, contested, in_stock, open_quantity, overdue, open, doubts,
                      closed_at)
SELECT *, CASE WHEN NOT open THEN now() END
FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::bigint[], $7::bigint[],
            $8::timestamptz[], $9::timestamptz[], $10::integer[], $11::boolean[], $12::bigint[],
            $13::bigint[], $14::boolean[], $15::boolean[], $16::bytea[])
    AS new (lane, delivery_id, supplier_id, version, status, quantity, received, promised_at,
            first_promised_at, revisions, contested, in_stock, open_quantity, overdue, open, doubts)
ON CONFLICT (lane, delivery_id) DO UPDATE SET
    supplier_id = excluded.supplier_id, version = excluded.version, status = excluded.status,
    quantity = excluded.quantity, received = excluded.received, promised_at = excluded.promised_at,
    first_promised_at = excluded.first_promised_at, revisions = excluded.revisions,
    contested = excluded.contested, in_stock = excluded.in_stock, open_quantity = excluded.open_quantity,
    overdue = excluded.overdue, open = excluded.open, doubts = excluded.doubts, closed_at = excluded.closed_at

-- name: add_places
-- Another shard may have stored the same delivery in another lane meanwhile: then a row is missing in the answer.
INSERT INTO delivery_lane (delivery_id, lane)
SELECT * FROM unnest($1::text[], $2::text[])
ON CONFLICT DO NOTHING
