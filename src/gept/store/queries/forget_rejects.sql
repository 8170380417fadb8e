-- Delete some of the entries that were rejected before a moment; what others delete is skipped.
DELETE FROM rejected_rows WHERE (collector, tick, entry, kind) IN (
    SELECT collector, tick, entry, kind FROM rejected_rows
    WHERE last_at < %(before)s ORDER BY last_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
