-- Enter that the database was away for each wanted tick of a span of which nothing is known.
INSERT INTO ledger (collector, tick, status, attempts, error, first_asked_at, asked_at, next_try_at)
SELECT %(collector)s, tick, 'away', 0, %(error)s, %(now)s, %(now)s, %(next_try)s
FROM wanted_days(%(collector)s, %(since)s, %(until)s) AS piece,
    generate_series(piece.first, piece.beyond - interval '1 microsecond', piece.step) AS tick
ORDER BY tick
ON CONFLICT (collector, tick) DO NOTHING
