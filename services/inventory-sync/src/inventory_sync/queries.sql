-- The first parameter, and the first column of what is read, is the shard that asks. Statements stand in the order in
-- which a batch asks.

-- name: lanes
SELECT asked.shard, part_id, location_id, on_hand, version
FROM unnest(string_to_array($1, ',')::integer[], string_to_array($2, E'\x1f')) AS asked (shard, lane)
JOIN lane USING (lane)

-- name: open_deliveries
SELECT asked.shard, lane, delivery_id, supplier_id, version, status, quantity, received, promised_at,
       first_promised_at, revisions, contested, in_stock, overdue, doubts
FROM unnest(string_to_array($1, ',')::integer[], string_to_array($2, E'\x1f')) AS asked (shard, lane)
JOIN delivery USING (lane) WHERE open

-- name: deliveries
SELECT asked.shard, lane, delivery_id, supplier_id, version, status, quantity, received, promised_at,
       first_promised_at, revisions, contested, in_stock, overdue, doubts
FROM unnest(string_to_array($1, ',')::integer[], string_to_array($2, E'\x1f'), string_to_array($3, E'\x1f'))
    AS asked (shard, lane, delivery_id)
JOIN delivery USING (lane, delivery_id)

-- name: versions
SELECT asked.shard, lane, version, on_hand, content, contested
FROM unnest(string_to_array($1, ',')::integer[], string_to_array($2, E'\x1f'), string_to_array($3, ',')::bigint[])
    AS asked (shard, lane, version)
JOIN stock_version USING (lane, version)

-- name: late
-- For lanes with versions that come late and are not stored.
SELECT asked.shard, lane.lane, coalesce(forgotten.version, -1), newest.taken_at, told.version IS NOT NULL
FROM unnest(string_to_array($1, ',')::integer[], string_to_array($2, E'\x1f')) AS asked (shard, lane)
JOIN lane ON lane.lane = asked.lane
LEFT JOIN forgotten_version AS forgotten ON forgotten.lane = lane.lane
LEFT JOIN stock_version AS newest ON newest.lane = lane.lane AND newest.version = lane.version
LEFT JOIN stale_feed AS told ON told.lane = lane.lane AND told.version = lane.version

-- name: places
SELECT asked.shard, delivery_id, lane
FROM unnest(string_to_array($1, ',')::integer[], string_to_array($2, E'\x1f')) AS asked (shard, delivery_id)
JOIN delivery_lane USING (delivery_id)

-- name: save_lanes
INSERT INTO lane (shard, lane, part_id, location_id, on_hand, version)
SELECT * FROM unnest(string_to_array($1, ',')::integer[], string_to_array($2, E'\x1f'), string_to_array($3, E'\x1f'),
                     string_to_array($4, E'\x1f'), string_to_array($5, ',')::bigint[],
                     string_to_array($6, ',')::bigint[])
ON CONFLICT (lane) DO UPDATE SET on_hand = excluded.on_hand, version = excluded.version

-- name: save_versions
INSERT INTO stock_version (lane, version, on_hand, content, contested)
SELECT lane, version, on_hand, content, contested
FROM unnest(string_to_array($1, ',')::integer[], string_to_array($2, E'\x1f'), string_to_array($3, ',')::bigint[],
            string_to_array($4, ',')::bigint[], $5::bytea[], $6::boolean[])
    AS new (shard, lane, version, on_hand, content, contested)
ON CONFLICT (lane, version) DO UPDATE SET contested = excluded.contested

-- name: save_stale
INSERT INTO stale_feed (lane, version)
SELECT lane, version
FROM unnest(string_to_array($1, ',')::integer[], string_to_array($2, E'\x1f'), string_to_array($3, ',')::bigint[])
    AS new (shard, lane, version)
ON CONFLICT (lane) DO UPDATE SET version = excluded.version

-- name: save_deliveries
INSERT INTO delivery (lane, delivery_id, supplier_id, version, status, quantity, received, promised_at,
                      first_promised_at, revisions, contested, in_stock, open_quantity, overdue, open, doubts,
                      closed_at)
SELECT lane, delivery_id, supplier_id, version, status, quantity, received, promised_at, first_promised_at, revisions,
       contested, in_stock, open_quantity, overdue, open, doubts, CASE WHEN NOT open THEN now() END
FROM unnest(string_to_array($1, ',')::integer[], string_to_array($2, E'\x1f'), string_to_array($3, E'\x1f'),
            $4::text[], $5::bigint[], $6::text[], $7::bigint[], $8::bigint[], $9::timestamptz[],
            $10::timestamptz[], $11::integer[], $12::boolean[], $13::bigint[], $14::bigint[], $15::boolean[],
            $16::boolean[], $17::bytea[])
    AS new (shard, lane, delivery_id, supplier_id, version, status, quantity, received, promised_at,
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
SELECT delivery_id, lane
FROM unnest(string_to_array($1, ',')::integer[], string_to_array($2, E'\x1f'), string_to_array($3, E'\x1f'))
    AS new (shard, delivery_id, lane)
-- all transactions in the same order, or they could wait for each other
ORDER BY delivery_id
ON CONFLICT DO NOTHING
