-- When a tick of a collector next waits to be asked for again.
SELECT min(next_try_at) FROM ledger
WHERE collector = %(collector)s AND next_try_at IS NOT NULL
  AND tick <= %(newest)s
  AND (tick >= %(since)s OR status = 'done' AND tick >= %(settling_since)s)
