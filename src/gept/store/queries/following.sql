-- The tick after a tick, on the same UTC day, whose snapshot is stored.
SELECT min(tick) FROM ledger
WHERE collector = %(collector)s AND committed_at IS NOT NULL
  AND tick > %(tick)s AND tick < date_trunc('day', %(tick)s::timestamptz) + interval '1 day'
