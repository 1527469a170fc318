-- A line is closed when nobody waits for it, holds units of it or has been asked about it.

-- name: note_closed_lines
-- Those that an update did not note: cancelled or shipped before they came, or stored by an earlier version.
UPDATE line SET closed_at = $2 WHERE (order_id, line_id, place) IN (
    SELECT order_id, line_id, place FROM line
    WHERE shard = $1 AND closed_at IS NULL AND covered = 0 AND need = 0 AND counted = 0 AND cancelling = 0 LIMIT $3)
RETURNING 1

-- name: close_lines
-- A line stays while a part of it, which went on to another lane, is open: a cancellation finds it through here.
WITH gone AS (
    DELETE FROM line WHERE (order_id, line_id, place) IN (
        SELECT order_id, line_id, place FROM line AS closed
        WHERE shard = $1 AND closed_at < $2 AND covered = 0 AND need = 0 AND counted = 0 AND cancelling = 0
          AND detail IS NOT NULL
          AND NOT EXISTS (
              SELECT FROM line AS part
              WHERE part.order_id = closed.order_id AND part.line_id = closed.line_id
                AND NOT (part.covered = 0 AND part.need = 0 AND part.counted = 0 AND part.cancelling = 0))
        ORDER BY closed_at LIMIT $3)
    RETURNING order_id, line_id, place, closed_at, detail
), kept AS (
    INSERT INTO past_line (order_id, line_id, closed_at, content)
    SELECT order_id, line_id, closed_at, substr(sha256(detail), 1, 16) FROM gone WHERE place = ''
    ON CONFLICT DO NOTHING
)
SELECT 1 FROM gone

-- name: forget_early_shipments
-- What is known of a shipment that overtook its order is of no use once the order has come. It is looked for once, and
-- once more after another shipment: there may be many whose order nobody ever places. `EXISTS` would read all lines.
WITH looked AS MATERIALIZED (
    SELECT order_id, line_id, place,
           coalesce(
               (SELECT true FROM line
                WHERE line.order_id = early.order_id AND line.line_id = early.line_id AND line.place = ''),
               (SELECT true FROM past_line AS past
                WHERE past.order_id = early.order_id AND past.line_id = early.line_id),
               false) AS came
    FROM line AS early
    WHERE shard = $1 AND closed_at < $2 AND covered = 0 AND need = 0 AND counted = 0 AND cancelling = 0
      AND detail IS NULL AND stray IS DISTINCT FROM closed_at
    ORDER BY closed_at LIMIT $3
), left_alone AS (
    UPDATE line SET stray = closed_at FROM looked
    WHERE NOT came AND (line.order_id, line.line_id, line.place) = (looked.order_id, looked.line_id, looked.place)
)
DELETE FROM line USING looked
WHERE came AND (line.order_id, line.line_id, line.place) = (looked.order_id, looked.line_id, looked.place)
RETURNING 1

-- name: forget_stray_shipments
DELETE FROM line WHERE (order_id, line_id, place) IN (
    SELECT order_id, line_id, place FROM line
    WHERE shard = $1 AND closed_at < $2 AND covered = 0 AND need = 0 AND counted = 0 AND cancelling = 0
      AND detail IS NULL LIMIT $3)
RETURNING 1

-- name: forget_past_lines
DELETE FROM past_line WHERE (order_id, line_id) IN (
    SELECT order_id, line_id FROM past_line WHERE closed_at < $1
    ORDER BY closed_at LIMIT $2 FOR UPDATE SKIP LOCKED)
RETURNING 1

-- name: forget_cancellations
-- A cancellation that comes again must do nothing for as long as a line of its order is there.
DELETE FROM cancellation WHERE (shard, order_id, cancellation_id) IN (
    SELECT shard, order_id, cancellation_id FROM cancellation AS old
    WHERE kept_at < $1
      AND NOT EXISTS (SELECT FROM line WHERE line.order_id = old.order_id AND line.shard = old.shard)
    ORDER BY kept_at LIMIT $2 FOR UPDATE OF old SKIP LOCKED)
RETURNING 1
