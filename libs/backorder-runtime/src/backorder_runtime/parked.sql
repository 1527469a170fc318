-- name: parked
SELECT lane.shard, lane.lane, lane.error, lane.since, lane.resume, count(input.id) AS waiting
FROM parked_lane AS lane LEFT JOIN parked_input AS input ON input.shard = lane.shard AND input.lane = lane.lane
WHERE $1::text IS NULL OR lane.lane = $1
GROUP BY lane.shard, lane.lane ORDER BY lane.since, lane.lane

-- name: standing
SELECT lane.error, lane.resume,
       (SELECT min(id) FROM parked_input AS input WHERE input.shard = lane.shard AND input.lane = lane.lane) AS first
FROM parked_lane AS lane WHERE lane.lane = $1

-- name: first_input
SELECT record FROM parked_input WHERE shard = $1 AND lane = $2 ORDER BY id LIMIT 1
