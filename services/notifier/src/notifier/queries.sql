-- The lane side: runs inside the transaction of a batch. The first parameter, and the first column of what is read, is
-- the shard that asks. Statements stand in the order in which a batch asks.

-- name: seed_team
-- Nobody can set the team's address but the settings, so a start with the same one lifts a suspension.
INSERT INTO contact (audience, recipient_id, email, push_url, updated_at)
SELECT DISTINCT 'team', recipient_id, email, push_url, now()
FROM unnest($1::integer[], $2::text[], $3::text[], $4::text[]) AS team (shard, recipient_id, email, push_url)
ON CONFLICT (audience, recipient_id) DO UPDATE SET
    email = excluded.email, push_url = excluded.push_url, hard_bounces = 0, suspended_at = NULL,
    updated_at = excluded.updated_at
WHERE (contact.email, contact.push_url) IS DISTINCT FROM (excluded.email, excluded.push_url)
   OR contact.suspended_at IS NOT NULL

-- name: seen_versions
SELECT asked.shard, back_order_id, version
FROM unnest(string_to_array($1, ',')::integer[], string_to_array($2, E'\x1f')) AS asked (shard, back_order_id)
JOIN back_order USING (back_order_id)

-- name: contacts
SELECT asked.shard, c.audience, c.recipient_id, c.email IS NOT NULL AND c.suspended_at IS NULL, c.push_url IS NOT NULL
FROM unnest($1::integer[], $2::text[], $3::text[]) AS asked (shard, audience, recipient_id)
JOIN contact c USING (audience, recipient_id)

-- name: finished
SELECT asked.shard, notification_id, event_id, event_type, back_order_id, version, recipient_id, channel,
       status AS result, reason, message_id, attempts, caused_at, finished_at
FROM unnest($1::integer[], $2::text[]) AS asked (shard, notification_id)
JOIN notification USING (notification_id)
WHERE finished_at IS NOT NULL

-- name: note_versions
INSERT INTO back_order (back_order_id, version, closed_at)
SELECT back_order_id, version, closed_at
FROM unnest(string_to_array($1, ',')::integer[], string_to_array($2, E'\x1f'), string_to_array($3, ',')::bigint[],
            $4::timestamptz[])
    AS seen (shard, back_order_id, version, closed_at)
ON CONFLICT (back_order_id) DO UPDATE SET version = excluded.version, closed_at = excluded.closed_at

-- name: queue
INSERT INTO notification (shard, notification_id, lane, event_id, event_type, kind, back_order_id, version, order_id,
                          audience, recipient_id, channel, state, caused_at, decided_at, due_at, expires_at)
SELECT shard, notification_id, lane, event_id, event_type, kind, back_order_id, version, order_id,
       audience, recipient_id, channel, state::jsonb, caused_at, decided_at, due_at, expires_at
FROM unnest($1::integer[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bigint[],
            $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::timestamptz[], $15::timestamptz[],
            $16::timestamptz[], $17::timestamptz[]) WITH ORDINALITY
    AS fresh (shard, notification_id, lane, event_id, event_type, kind, back_order_id, version, order_id, audience,
              recipient_id, channel, state, caused_at, decided_at, due_at, expires_at, place)
ORDER BY place
ON CONFLICT (notification_id) DO NOTHING

-- name: supersede
-- Only what no sender holds: a row that is leased meanwhile is checked again and left alone.
WITH needless AS (
    UPDATE notification AS old SET status = 'suppressed', reason = 'superseded', finished_at = new.at
    FROM unnest($1::integer[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
                $8::bigint[], $9::text[])
        AS new (shard, at, audience, recipient_id, channel, order_id, back_order_id, version, kind)
    WHERE old.status = 'pending' AND old.audience = new.audience AND old.recipient_id = new.recipient_id
      AND old.channel = new.channel AND old.order_id = new.order_id AND old.back_order_id = new.back_order_id
      AND old.kind = new.kind AND old.version < new.version
    RETURNING old.shard, old.lane, old.notification_id, old.finished_at
)
INSERT INTO timer (shard, lane, key, due_at)
SELECT shard, lane, 'outcome:' || notification_id, finished_at FROM needless
ON CONFLICT DO NOTHING

-- The sending side: short transactions of its own. It never waits for a row while it holds one.

-- name: take_over
-- Messages whose sender has not reported back in time; the new epoch shuts it out.
UPDATE message SET epoch = nextval('message_epoch'), lease_until = $3, tries = tries + 1
WHERE message_id IN (
    SELECT message_id FROM message WHERE channel = $1 AND status IN ('leased', 'sending') AND lease_until < $2
    ORDER BY lease_until LIMIT $4 FOR UPDATE SKIP LOCKED)
RETURNING message_id, epoch, audience, recipient_id, status, tries, refusals

-- name: open_messages
-- One message at most is under way for a recipient, channel and order (a unique key says so), and none opens
-- while a refusal of the server is waited out. It opens with the oldest news that is due and with nothing else, so that
-- of two senders at once the one whose lock comes second finds nothing, and older news is never told after newer.
WITH heads AS (
    SELECT n.notification_id, n.audience, n.recipient_id, n.channel, n.order_id
    FROM notification n
    WHERE n.status = 'pending' AND n.channel = $1 AND n.due_at <= $2
      AND NOT EXISTS (
          SELECT FROM message m WHERE m.audience = n.audience AND m.recipient_id = n.recipient_id
          AND m.channel = n.channel AND m.order_id = n.order_id AND (m.status <> 'waiting' OR m.lease_until > $2))
      AND NOT EXISTS (
          SELECT FROM notification older WHERE older.status = 'pending' AND older.audience = n.audience
          AND older.recipient_id = n.recipient_id AND older.channel = n.channel AND older.order_id = n.order_id
          AND older.seq < n.seq AND older.due_at <= $2)
    ORDER BY n.due_at, n.seq LIMIT $4
    FOR UPDATE OF n SKIP LOCKED
)
INSERT INTO message (message_id, audience, recipient_id, channel, order_id, status, lease_until)
SELECT notification_id, audience, recipient_id, channel, order_id, 'leased', $3 FROM heads
ORDER BY audience, recipient_id, order_id
ON CONFLICT (audience, recipient_id, channel, order_id) DO UPDATE SET
    message_id = excluded.message_id, status = 'leased', epoch = excluded.epoch, lease_until = $3, tries = 1
WHERE message.status = 'waiting' AND message.lease_until <= $2
RETURNING message_id, epoch, audience, recipient_id, status, tries, refusals

-- name: bind
-- All the news that waits for the recipients of these messages goes with them, the one that names it first.
UPDATE notification SET status = 'leased', message_id = chosen.message_id
FROM (
    SELECT m.message_id, n.seq
    FROM message m
    CROSS JOIN LATERAL (
        SELECT seq FROM notification n
        WHERE n.status = 'pending' AND n.audience = m.audience AND n.recipient_id = m.recipient_id
          AND n.channel = m.channel AND n.order_id = m.order_id
        ORDER BY n.notification_id <> m.message_id, n.seq LIMIT $2
        FOR UPDATE SKIP LOCKED) AS n
    WHERE m.message_id = ANY ($1::text[])
) AS chosen
WHERE notification.seq = chosen.seq
RETURNING notification.message_id

-- name: members
SELECT message_id, notification_id, event_type, state::text, caused_at, decided_at, expires_at
FROM notification WHERE message_id = ANY ($1::text[]) AND status = 'leased' ORDER BY seq

-- name: addresses
SELECT c.audience, c.recipient_id, CASE WHEN c.suspended_at IS NULL THEN c.email END, c.push_url
FROM contact c
JOIN unnest($1::text[], $2::text[]) AS asked (audience, recipient_id) USING (audience, recipient_id)

-- name: told
SELECT t.audience, t.recipient_id, t.back_order_id, t.p50, t.p90
FROM told t
JOIN unnest($2::text[], $3::text[], $4::text[]) AS asked (audience, recipient_id, back_order_id)
    USING (audience, recipient_id, back_order_id)
WHERE t.channel = $1

-- name: mark_sending
UPDATE message SET status = 'sending', lease_until = $3 WHERE message_id = $1 AND epoch = $2 RETURNING 1

-- name: hold
-- Nobody knows whether it went out: the same message goes again, in the same words, not before $3.
UPDATE message SET lease_until = $3 WHERE message_id = $1 AND epoch = $2 RETURNING 1

-- name: still_held
SELECT 1 FROM message WHERE message_id = $1 AND epoch = $2 FOR UPDATE

-- name: close_message
DELETE FROM message WHERE message_id = $1 AND epoch = $2 RETURNING 1

-- name: wait
-- The news goes back, so that newer news may join or replace it; the wait stays with the conversation.
UPDATE message SET status = 'waiting', lease_until = $3, refusals = refusals + $4
WHERE message_id = $1 AND epoch = $2 RETURNING 1

-- name: release
-- With $3 the news is due when its conversation's wait is over: until then no sender has to look through it.
UPDATE notification SET status = 'pending', message_id = NULL, attempts = attempts + $2,
    due_at = greatest(due_at, $3::timestamptz)
WHERE message_id = $1 AND status = 'leased'

-- name: finish
WITH ended AS (
    UPDATE notification SET status = $2, reason = $3, finished_at = $4, attempts = attempts + $5
    WHERE message_id = $1 AND status = 'leased' AND ($6::text[] IS NULL OR notification_id = ANY ($6::text[]))
    RETURNING shard, lane, notification_id
)
INSERT INTO timer (shard, lane, key, due_at)
SELECT shard, lane, 'outcome:' || notification_id, $4 FROM ended
ON CONFLICT DO NOTHING
RETURNING substr(key, 9)

-- name: expire_waiting
WITH ended AS (
    UPDATE notification SET status = 'expired', reason = 'too-old', finished_at = $1
    WHERE seq IN (
        SELECT seq FROM notification WHERE status = 'pending' AND expires_at <= $1
        LIMIT 1000 FOR UPDATE SKIP LOCKED)
    RETURNING shard, lane, notification_id, channel
), rung AS (
    INSERT INTO timer (shard, lane, key, due_at)
    SELECT shard, lane, 'outcome:' || notification_id, $1 FROM ended
    ON CONFLICT DO NOTHING
)
SELECT channel, count(*) FROM ended GROUP BY channel

-- name: remember
INSERT INTO told (audience, recipient_id, channel, back_order_id, version, p50, p90, told_at)
SELECT $1, $2, $3, back_order_id, version, p50, p90, $8
FROM unnest($4::text[], $5::bigint[], $6::timestamptz[], $7::timestamptz[]) AS t (back_order_id, version, p50, p90)
ON CONFLICT (audience, recipient_id, channel, back_order_id)
DO UPDATE SET version = excluded.version, p50 = excluded.p50, p90 = excluded.p90, told_at = excluded.told_at

-- name: bounced
UPDATE contact SET hard_bounces = hard_bounces + 1,
    suspended_at = CASE WHEN hard_bounces + 1 >= $4 THEN $5 ELSE suspended_at END
WHERE audience = $1 AND recipient_id = $2 AND email = $3

-- name: delivered
UPDATE contact SET hard_bounces = 0 WHERE audience = $1 AND recipient_id = $2 AND email = $3 AND hard_bounces > 0

-- name: drop_push
UPDATE contact SET push_url = NULL WHERE audience = $1 AND recipient_id = $2 AND push_url = $3

-- name: backlog
SELECT channel, count(*), min(decided_at) FROM notification WHERE status = 'pending' GROUP BY channel

-- name: under_way
SELECT channel, count(*) FROM message WHERE status <> 'waiting' GROUP BY channel

-- Contacts.

-- name: set_contact
INSERT INTO contact (audience, recipient_id, email, push_url, updated_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (audience, recipient_id) DO UPDATE SET
    email = coalesce(excluded.email, contact.email), push_url = coalesce(excluded.push_url, contact.push_url),
    hard_bounces = CASE WHEN excluded.email IS NULL THEN contact.hard_bounces ELSE 0 END,
    suspended_at = CASE WHEN excluded.email IS NULL THEN contact.suspended_at END,
    updated_at = excluded.updated_at

-- name: remove_contact
DELETE FROM contact WHERE audience = 'customer' AND recipient_id = $1 RETURNING 1

-- name: remove_email
UPDATE contact SET email = NULL, hard_bounces = 0, suspended_at = NULL, updated_at = $2
WHERE audience = 'customer' AND recipient_id = $1 AND email IS NOT NULL RETURNING 1

-- name: remove_push
UPDATE contact SET push_url = NULL, updated_at = $2
WHERE audience = 'customer' AND recipient_id = $1 AND push_url IS NOT NULL RETURNING 1

-- name: list_contacts
SELECT audience, recipient_id, email, push_url, hard_bounces, suspended_at
FROM contact WHERE ($1::text IS NULL OR recipient_id = $1) ORDER BY audience, recipient_id
