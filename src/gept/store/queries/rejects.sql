-- The entries that were rejected last.
SELECT collector, tick, entry, kind, reason, payload, first_at, last_at, times
FROM rejected_rows
WHERE collector = ANY (%(collectors)s) AND last_at >= %(since)s
  AND (%(kind)s::text IS NULL OR kind = %(kind)s)
ORDER BY last_at DESC, collector, tick DESC, entry, kind
LIMIT %(limit)s
