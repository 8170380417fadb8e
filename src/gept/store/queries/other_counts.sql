-- The minutes of a batch of which another count is stored.
SELECT stored.timestamp, stored.count, fresh.count
FROM staged_player_counts AS fresh JOIN player_counts AS stored USING (timestamp)
WHERE stored.count <> fresh.count
ORDER BY stored.timestamp
