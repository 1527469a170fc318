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

-- name: void_numbers
SELECT source, first, last FROM void_number

-- name: advance
-- The fence: nothing of a batch commits unless we still own its shard and stand where we think we stand. The answer is
-- the number of inputs that moved in each shard that we own. What has been confirmed since the last batch leaves the
-- outbox: what had been before is gone, and its dead entries, in front of the index until a vacuum, are not looked at.
-- What else the transaction asks for it asks by key, so it is to be found by index: a plan made while a table was empty
-- would read it whole for each batch, until somebody has told the planner how it grew.
WITH ours AS (
    SELECT * FROM unnest($1::integer[], $2::bigint[], $3::bigint[]) AS ours (shard, epoch, sent)
), fence AS (
    UPDATE shard SET sent_sequence = greatest(sent_sequence, ours.sent) FROM ours
    WHERE shard.shard = ours.shard AND shard.epoch = ours.epoch
    RETURNING shard.shard, ours.sent
), moved AS (
    UPDATE shard_input AS input SET next_offset = step.next, last_sequence = step.sequence
    FROM unnest($4::integer[], $5::text[], $6::bigint[], $7::bigint[], $8::bigint[])
        AS step (shard, topic, old, next, sequence)
    WHERE input.shard = step.shard AND input.topic = step.topic AND input.next_offset = step.old
      AND step.shard IN (SELECT shard FROM fence)
    RETURNING input.shard
), swept AS (
    DELETE FROM outbox USING fence JOIN shard AS before USING (shard)
    WHERE outbox.shard = fence.shard AND outbox.first_sequence <= fence.sent
      AND outbox.first_sequence > before.sent_sequence
)
SELECT fence.shard, (SELECT count(*) FROM moved WHERE moved.shard = fence.shard) FROM fence
WHERE set_config('enable_seqscan', 'off', true) = 'off'

-- name: put_outbox
WITH fresh AS (
    SELECT * FROM unnest($1::integer[], $2::bigint[], $3::bigint[], $4::timestamptz[], $5::bytea[])
        AS fresh (shard, first_sequence, count, decided_at, payload)
), numbered AS (
    UPDATE shard SET next_sequence = fresh.first_sequence + fresh.count FROM fresh
    WHERE shard.shard = fresh.shard AND shard.next_sequence = fresh.first_sequence
    RETURNING shard.shard
)
INSERT INTO outbox (shard, first_sequence, count, decided_at, payload)
SELECT shard, first_sequence, count, decided_at, payload FROM fresh JOIN numbered USING (shard)
RETURNING shard

-- name: unsent
SELECT first_sequence, decided_at, payload FROM outbox
WHERE shard = $1 AND first_sequence > $2 ORDER BY first_sequence

-- name: last_sequences
SELECT shard, next_sequence - 1 FROM shard

-- name: shards_with_due
SELECT shard FROM timer WHERE shard = ANY ($1::integer[]) AND due_at <= $2
  AND NOT EXISTS (SELECT FROM parked_lane p WHERE p.shard = timer.shard AND p.lane = timer.lane)
UNION SELECT shard FROM parked_lane WHERE shard = ANY ($1::integer[]) AND resume

-- name: take_timers
DELETE FROM timer WHERE (shard, lane, key) IN (
    SELECT shard, lane, key FROM timer
    WHERE shard = ANY ($1::integer[]) AND due_at <= $2
      AND NOT EXISTS (SELECT FROM parked_lane p WHERE p.shard = timer.shard AND p.lane = timer.lane)
    ORDER BY due_at LIMIT $3)
RETURNING shard, lane, key, due_at

-- name: drop_timers
DELETE FROM timer USING unnest($1::integer[], $2::text[], $3::text[]) AS t (shard, lane, key)
WHERE timer.shard = t.shard AND timer.lane = t.lane AND timer.key = t.key

-- name: set_timers
INSERT INTO timer (shard, lane, key, due_at)
SELECT shard, lane, key, due_at
FROM unnest($1::integer[], $2::text[], $3::text[], $4::timestamptz[]) AS t (shard, lane, key, due_at)
ON CONFLICT (shard, lane, key) DO UPDATE SET due_at = excluded.due_at

-- name: refuse
INSERT INTO dead_letter (topic, partition, "offset", reason, detail, at)
SELECT topic, partition, "offset", reason, detail, $6
FROM unnest($1::text[], $2::integer[], $3::bigint[], $4::text[], $5::text[])
    AS refused (topic, partition, "offset", reason, detail)
ON CONFLICT DO NOTHING RETURNING topic, partition, "offset"

-- name: known_since
SELECT topic, pinned_at FROM topic_pin WHERE topic = ANY ($1::text[]) AND pinned_at > '-infinity'

-- name: parked
SELECT lane, resume FROM parked_lane WHERE shard = $1

-- name: park
INSERT INTO parked_lane (shard, lane, error, since)
SELECT $1, lane, error, $4 FROM unnest($2::text[], $3::text[]) AS p (lane, error)
ON CONFLICT (shard, lane) DO UPDATE SET error = excluded.error, resume = false

-- name: keep_parked
INSERT INTO parked_input (shard, lane, record)
SELECT $1, lane, record FROM unnest($2::text[], $3::bytea[]) WITH ORDINALITY AS p (lane, record, place)
ORDER BY place

-- name: take_parked
-- Some lanes that are to go on, and the first inputs of each: a lane may have kept millions. With its last ones a lane
-- is no longer parked.
WITH resumed AS (
    SELECT asked.shard, next.lane FROM unnest($1::integer[]) AS asked (shard)
    CROSS JOIN LATERAL (
        SELECT lane FROM parked_lane WHERE parked_lane.shard = asked.shard AND resume ORDER BY since, lane LIMIT $2
    ) AS next
), kept AS (
    SELECT resumed.shard, resumed.lane, input.id, input.record,
           count(input.id) OVER (PARTITION BY resumed.shard, resumed.lane) < $3 AS whole
    FROM resumed LEFT JOIN LATERAL (
        SELECT id, record FROM parked_input
        WHERE parked_input.shard = resumed.shard AND parked_input.lane = resumed.lane ORDER BY id LIMIT $3
    ) AS input ON true
), gone_on AS (
    DELETE FROM parked_lane USING kept
    WHERE kept.whole AND parked_lane.shard = kept.shard AND parked_lane.lane = kept.lane
)
SELECT shard, lane, whole, id, record FROM kept ORDER BY id

-- name: let_go
DELETE FROM parked_input WHERE id = ANY ($1::bigint[])

-- name: resume_lane
UPDATE parked_lane SET resume = true WHERE lane = $1 RETURNING shard

-- name: forget_refusals
DELETE FROM dead_letter WHERE (topic, partition, "offset") IN (
    SELECT topic, partition, "offset" FROM dead_letter WHERE at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED)
RETURNING 1

-- name: count_rows
SELECT relname, n_live_tup FROM pg_stat_user_tables WHERE schemaname = current_schema()
