-- The hours of a span whose buckets are all good, and how each hour itself stands. Hours whose rows
-- are only in an archive cannot be looked at.
SELECT hour, own.status
FROM (
    SELECT date_bin(%(step)s, tick, '1970-01-01 00:00:00+00') AS hour
    FROM ledger
    WHERE collector = %(parts)s AND status IN ('done', 'empty')
      AND tick >= %(since)s AND tick < %(until)s
      AND extract(epoch FROM tick) %% extract(epoch FROM %(part_step)s::interval) = 0
    GROUP BY hour
    HAVING count(*) = extract(epoch FROM %(step)s::interval) / extract(epoch FROM %(part_step)s::interval)
) AS complete
LEFT JOIN ledger AS own
  ON own.collector = %(collector)s AND own.tick = hour
 AND own.tick >= %(since)s AND own.tick < %(until)s
WHERE NOT EXISTS (
    SELECT FROM dropped_days AS d
    WHERE d.collector IN (%(collector)s, %(parts)s) AND d.day = (hour AT TIME ZONE 'UTC')::date)
ORDER BY hour
