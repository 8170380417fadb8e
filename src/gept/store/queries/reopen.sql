-- Open again what was closed as empty, unless its day is only in an archive. Its last try lies in the
-- past, so it is due at once.
UPDATE ledger SET status = 'not_yet', settled = false, next_try_at = asked_at
WHERE collector = %(collector)s AND status = 'empty' AND tick >= %(since)s AND tick < %(until)s
  AND NOT EXISTS (SELECT FROM dropped_days AS d
                  WHERE d.collector = %(collector)s AND d.day = (tick AT TIME ZONE 'UTC')::date)
