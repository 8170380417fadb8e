-- Let the newest rows of a span be the latest trades of their items, where no newer ones are known.
INSERT INTO prices_current AS known (item_id, timestamp, high, high_time, low, low_time)
SELECT p.item_id, p.timestamp, p.high, p.high_time, p.low, p.low_time
FROM (SELECT item_id, max(timestamp) AS timestamp FROM prices_latest_1m
      WHERE timestamp >= %(since)s AND timestamp < %(until)s GROUP BY item_id) AS newest
JOIN prices_latest_1m AS p USING (item_id, timestamp)
WHERE p.timestamp >= %(since)s AND p.timestamp < %(until)s
ON CONFLICT (item_id) DO UPDATE SET
    timestamp = excluded.timestamp, high = excluded.high, high_time = excluded.high_time,
    low = excluded.low, low_time = excluded.low_time
WHERE known.timestamp < excluded.timestamp
