-- name: claim
INSERT INTO shard (shard, epoch, owner, claimed_at) VALUES ($1, 1, $2, now())
ON CONFLICT (shard) DO UPDATE SET epoch = shard.epoch + 1, owner = $2, claimed_at = now()
RETURNING epoch, next_sequence, sent_sequence

-- name: be_impatient
SET LOCAL lock_timeout = '1s'

-- name: evict
-- Its transaction is the one that locked the row; its role is ours, so we may end it.
SELECT count(*) FILTER (WHERE pg_terminate_backend(holder.pid)) FROM shard
JOIN pg_locks AS holder ON holder.transactionid = shard.xmax AND holder.granted
WHERE shard.shard = $1 AND holder.pid <> pg_backend_pid()

-- name: add_inputs
INSERT INTO shard_input (shard, topic, next_offset)
SELECT $1, topic, first FROM unnest($2::text[], $3::bigint[]) AS seen (topic, first)
ON CONFLICT DO NOTHING

-- name: inputs
SELECT topic, next_offset, last_sequence FROM shard_input WHERE shard = $1

-- name: advance
-- The fence: nothing of the batch commits unless we still own the shard and stand where we think we stand.
WITH fence AS (
    UPDATE shard SET sent_sequence = greatest(sent_sequence, $3) WHERE shard = $1 AND epoch = $2 RETURNING 1
), moved AS (
    UPDATE shard_input AS input SET next_offset = step.next, last_sequence = step.sequence
    FROM unnest($4::text[], $5::bigint[], $6::bigint[], $7::bigint[]) AS step (topic, old, next, sequence)
    WHERE input.shard = $1 AND input.topic = step.topic AND input.next_offset = step.old
      AND EXISTS (SELECT FROM fence)
    RETURNING 1
), swept AS (
    DELETE FROM outbox WHERE shard = $1 AND first_sequence <= $3 AND EXISTS (SELECT FROM fence)
)
SELECT (SELECT count(*) FROM fence) = 1 AND (SELECT count(*) FROM moved) = cardinality($4::text[])

-- name: put_outbox
WITH numbered AS (
    UPDATE shard SET next_sequence = $2 + $3 WHERE shard = $1 AND next_sequence = $2 RETURNING 1
)
INSERT INTO outbox (shard, first_sequence, count, decided_at, payload)
SELECT $1, $2, $3, $4, $5 FROM numbered
RETURNING 1

-- name: unsent
SELECT first_sequence, decided_at, payload FROM outbox
WHERE shard = $1 AND first_sequence > $2 ORDER BY first_sequence

-- name: shards_with_due
SELECT shard FROM timer WHERE shard = ANY ($1::integer[]) AND due_at <= $2
  AND NOT EXISTS (SELECT FROM parked_lane p WHERE p.shard = timer.shard AND p.lane = timer.lane)
UNION SELECT shard FROM parked_lane WHERE shard = ANY ($1::integer[]) AND resume

-- name: take_timers
DELETE FROM timer WHERE (shard, lane, key) IN (
    SELECT shard, lane, key FROM timer
    WHERE shard = $1 AND due_at <= $2
      AND NOT EXISTS (SELECT FROM parked_lane p WHERE p.shard = timer.shard AND p.lane = timer.lane)
    ORDER BY due_at LIMIT $3)
RETURNING lane, key, due_at

-- name: set_timers
INSERT INTO timer (shard, lane, key, due_at)
SELECT $1, lane, key, due_at FROM unnest($2::text[], $3::text[], $4::timestamptz[]) AS t (lane, key, due_at)
ON CONFLICT (shard, lane, key) DO UPDATE SET due_at = excluded.due_at

-- name: drop_timers
DELETE FROM timer USING unnest($2::text[], $3::text[]) AS t (lane, key)
WHERE timer.shard = $1 AND timer.lane = t.lane AND timer.key = t.key

-- name: refuse
INSERT INTO dead_letter (topic, partition, "offset", reason, detail, at)
SELECT topic, partition, "offset", reason, detail, $6
FROM unnest($1::text[], $2::integer[], $3::bigint[], $4::text[], $5::text[])
    AS refused (topic, partition, "offset", reason, detail)
ON CONFLICT DO NOTHING RETURNING topic, partition, "offset"

-- name: parked
SELECT lane, resume FROM parked_lane WHERE shard = $1

-- name: park
INSERT INTO parked_lane (shard, lane, error, since)
SELECT $1, lane, error, $4 FROM unnest($2::text[], $3::text[]) AS p (lane, error)
ON CONFLICT DO NOTHING

-- name: keep_parked
INSERT INTO parked_input (shard, lane, record)
SELECT $1, lane, record FROM unnest($2::text[], $3::bytea[]) WITH ORDINALITY AS p (lane, record, place)
ORDER BY place

-- name: take_parked
WITH resumed AS (DELETE FROM parked_lane WHERE shard = $1 AND resume RETURNING lane),
taken AS (
    DELETE FROM parked_input USING resumed
    WHERE parked_input.shard = $1 AND parked_input.lane = resumed.lane
    RETURNING parked_input.id, parked_input.lane, parked_input.record
)
SELECT lane, record FROM taken ORDER BY id

-- name: resume_lane
UPDATE parked_lane SET resume = true WHERE lane = $1 RETURNING shard

-- name: forget_refusals
DELETE FROM dead_letter WHERE (topic, partition, "offset") IN (
    SELECT topic, partition, "offset" FROM dead_letter WHERE at < $1 LIMIT $2)
RETURNING 1

-- name: count_rows
SELECT relname, n_live_tup FROM pg_stat_user_tables WHERE schemaname = current_schema()
