-- Ticks of a span of which a table has fewer rows than the ledger tells of, the oldest first, with how many fewer.
SELECT l.tick, l.rows - coalesce(stored.count, 0) AS lacking
FROM ledger AS l
LEFT JOIN (
    SELECT {time} AS tick, count(*) FROM {table}
    WHERE {time} >= %(since)s AND {time} < %(until)s
    GROUP BY 1
) AS stored USING (tick)
WHERE l.collector = %(collector)s AND l.tick >= %(since)s AND l.tick < %(until)s
  AND l.status = 'done' AND l.rows > coalesce(stored.count, 0)
ORDER BY 1
