-- The minutes of a batch of which another count is stored.
SELECT stored.timestamp, stored.count, fresh.count
FROM unnest(%(ticks)s::timestamptz[], %(counts)s::bigint[]) AS fresh (timestamp, count)
JOIN player_counts AS stored USING (timestamp)
WHERE stored.count <> fresh.count
ORDER BY stored.timestamp
