-- The ticks of a span that are not good, oldest first.
SELECT to_timestamp(second) AS tick
FROM generate_series(
    ceil(extract(epoch FROM %(since)s::timestamptz) / %(step)s::numeric) * %(step)s::numeric,
    extract(epoch FROM %(until)s::timestamptz) - 0.000001, %(step)s::numeric) AS second
WHERE NOT EXISTS (
    SELECT FROM ledger
    WHERE collector = %(collector)s AND tick = to_timestamp(second)
      AND tick >= %(since)s AND tick < %(until)s AND status IN ('done', 'empty'))
ORDER BY tick
