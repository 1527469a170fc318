-- name: forget_notifications
DELETE FROM notification WHERE seq IN (
    SELECT seq FROM notification n WHERE finished_at < $1
    AND NOT EXISTS (SELECT FROM timer t
                    WHERE t.shard = n.shard AND t.lane = n.lane AND t.key = 'outcome:' || n.notification_id)
    ORDER BY finished_at LIMIT $2 FOR UPDATE OF n SKIP LOCKED)
RETURNING 1

-- name: forget_waits
DELETE FROM message WHERE message_id IN (
    SELECT message_id FROM message m WHERE status = 'waiting' AND lease_until < $1 AND NOT EXISTS (
        SELECT FROM notification n WHERE n.status = 'pending' AND n.audience = m.audience
        AND n.recipient_id = m.recipient_id AND n.channel = m.channel AND n.order_id = m.order_id)
    LIMIT $2 FOR UPDATE OF m SKIP LOCKED)
RETURNING 1

-- name: forget_back_orders
-- With what people were told of them last.
WITH gone AS (
    DELETE FROM back_order WHERE back_order_id IN (
        SELECT back_order_id FROM back_order WHERE closed_at < $1
        ORDER BY closed_at LIMIT $2 FOR UPDATE SKIP LOCKED)
    RETURNING back_order_id
), told_of AS (
    DELETE FROM told USING gone WHERE told.back_order_id = gone.back_order_id
)
SELECT 1 FROM gone
