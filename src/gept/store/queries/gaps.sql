-- The ticks that are wanted and not good, as ranges of one cause.
WITH wanted AS (
    SELECT unnest(wanted * tstzmultirange(tstzrange(%(since)s, %(until)s))) AS span, step
    FROM collectors WHERE name = %(collector)s
), ticks AS (
    SELECT to_timestamp(second) AS tick, step
    FROM wanted, generate_series(
        ceil(extract(epoch FROM lower(span)) / extract(epoch FROM step)) * extract(epoch FROM step),
        extract(epoch FROM upper(span)) - 0.000001, extract(epoch FROM step)) AS second
), missing AS (
    SELECT ticks.tick, step, coalesce(known.status, 'not_asked') AS cause, known.error
    FROM ticks LEFT JOIN ledger AS known
      ON known.collector = %(collector)s AND known.tick = ticks.tick
     AND known.tick >= %(since)s AND known.tick < %(until)s
    WHERE known.status IS NULL OR known.status NOT IN ('done', 'empty')
), islands AS (
    SELECT *, tick - step * row_number() OVER (PARTITION BY cause, step ORDER BY tick) AS island
    FROM missing
)
SELECT min(tick) AS since, max(tick) + max(step) AS until, count(*) AS ticks, cause,
       (array_agg(error ORDER BY tick DESC))[1] AS error
FROM islands GROUP BY cause, step, island ORDER BY since, cause
