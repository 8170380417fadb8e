-- Enter for the wanted ticks of a span that nobody entered that the database was away.
INSERT INTO ledger (collector, tick, status, attempts, error, first_asked_at, asked_at, next_try_at)
SELECT %(collector)s, to_timestamp(second), 'away', 0, %(error)s, %(now)s, %(now)s, %(next_try)s
FROM (
    SELECT unnest(wanted * tstzmultirange(tstzrange(%(since)s, %(until)s))) AS span, step
    FROM collectors WHERE name = %(collector)s
) AS wanted, generate_series(
    ceil(extract(epoch FROM lower(span)) / extract(epoch FROM step)) * extract(epoch FROM step),
    extract(epoch FROM upper(span)) - 0.000001, extract(epoch FROM step)) AS second
ON CONFLICT (collector, tick) DO NOTHING
