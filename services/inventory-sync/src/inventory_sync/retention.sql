-- A row that a batch holds is left for the next time: nobody waits for a row while holding others.

-- name: forget_versions
WITH gone AS (
    DELETE FROM stock_version WHERE (lane, version) IN (
        SELECT lane, version FROM stock_version WHERE taken_at < $1
        ORDER BY taken_at LIMIT $2 FOR UPDATE SKIP LOCKED)
    RETURNING lane, version
), noted AS (
    INSERT INTO forgotten_version (lane, version)
    SELECT lane, max(version) FROM gone GROUP BY lane ORDER BY lane
    ON CONFLICT (lane) DO UPDATE SET version = greatest(forgotten_version.version, excluded.version)
)
SELECT 1 FROM gone

-- name: note_closed_deliveries
-- Those that were stored by an earlier version.
UPDATE delivery SET closed_at = $1 WHERE (lane, delivery_id) IN (
    SELECT lane, delivery_id FROM delivery WHERE NOT open AND closed_at IS NULL LIMIT $2 FOR UPDATE SKIP LOCKED)
RETURNING 1

-- name: forget_deliveries
WITH gone AS (
    DELETE FROM delivery WHERE (lane, delivery_id) IN (
        SELECT lane, delivery_id FROM delivery WHERE NOT open AND closed_at < $1
        ORDER BY closed_at LIMIT $2 FOR UPDATE SKIP LOCKED)
    RETURNING lane, delivery_id
), places AS (
    DELETE FROM delivery_lane AS place USING gone
    WHERE place.delivery_id = gone.delivery_id AND place.lane = gone.lane
)
SELECT 1 FROM gone
