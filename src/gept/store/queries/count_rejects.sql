-- How many entries were rejected, by collector and kind.
SELECT collector, kind, count(*) AS entries, sum(times)::bigint AS times, max(last_at) AS newest
FROM rejected_rows
WHERE collector = ANY (%(collectors)s) AND last_at >= %(since)s
  AND (%(kind)s::text IS NULL OR kind = %(kind)s)
GROUP BY collector, kind ORDER BY collector, kind
