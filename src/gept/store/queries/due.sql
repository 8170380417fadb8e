-- The ticks to ask for now: first those that wait for another try or for their settled reading,
-- then those that nobody has asked for; the newest first. The very newest is left to the
-- thread that follows the collector.
WITH wanted AS (
    SELECT unnest(wanted * tstzmultirange(tstzrange(%(since)s, %(newest)s))) AS span, step
    FROM collectors WHERE name = %(collector)s
), ticks AS (
    SELECT to_timestamp(second) AS tick
    FROM wanted, generate_series(
        ceil(extract(epoch FROM lower(span)) / extract(epoch FROM step)) * extract(epoch FROM step),
        extract(epoch FROM upper(span)) - 0.000001, extract(epoch FROM step)) AS second
)
SELECT tick, 0 AS rank FROM ledger
WHERE collector = %(collector)s AND next_try_at <= %(now)s
  AND tick >= %(since)s AND tick <= %(newest)s
UNION ALL
SELECT tick, 1 FROM ticks
WHERE NOT EXISTS (
    SELECT FROM ledger
    WHERE ledger.collector = %(collector)s AND ledger.tick = ticks.tick
      AND ledger.tick >= %(since)s AND ledger.tick <= %(newest)s)
ORDER BY rank, tick DESC
LIMIT %(limit)s
