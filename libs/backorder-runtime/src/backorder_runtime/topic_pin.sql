-- name: pinned
SELECT topic, topic_id, partitions, cluster_id FROM topic_pin WHERE topic = ANY ($1::text[]) ORDER BY topic

-- name: pin
-- What a topic says when it is first read may be older than the database: it was this topic for ever, as far as we know.
INSERT INTO topic_pin (topic, topic_id, partitions, cluster_id, pinned_at)
SELECT topic, topic_id, partitions, $1, '-infinity'
FROM unnest($2::text[], $3::text[], $4::integer[]) AS seen (topic, topic_id, partitions)
ON CONFLICT (topic) DO NOTHING

-- name: repin
INSERT INTO topic_pin (topic, topic_id, partitions, cluster_id, pinned_at) VALUES ($1, $2, $3, $4, now())
ON CONFLICT (topic) DO UPDATE SET topic_id = $2, partitions = $3, cluster_id = $4,
    pinned_at = CASE WHEN topic_pin.topic_id = $2 THEN topic_pin.pinned_at ELSE now() END

-- name: stands
SELECT shard, next_offset FROM shard_input WHERE topic = $1 ORDER BY shard

-- name: fence_all
-- Whoever owns a shard now commits nothing more.
UPDATE shard SET epoch = epoch + 1, owner = NULL

-- name: go_on_at
UPDATE shard_input AS input SET next_offset = seen.next
FROM unnest($2::integer[], $3::bigint[]) AS seen (shard, next)
WHERE input.topic = $1 AND input.shard = seen.shard

-- name: lane_topics
SELECT DISTINCT topic FROM shard_input

-- name: forget_refused
DELETE FROM dead_letter WHERE topic = ANY ($1::text[])

-- name: outbox
SELECT shard, first_sequence, decided_at, payload FROM outbox ORDER BY shard, first_sequence

-- name: tell_instead
UPDATE outbox SET payload = $3 WHERE shard = $1 AND first_sequence = $2
