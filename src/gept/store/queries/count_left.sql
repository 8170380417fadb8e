-- How many ticks of a span are not good, wanted or not; empty ones are not where they are reopened.
-- Whole days are taken from the roll-up, unless a day has ticks of another step as well; of the ends
-- of the span and of such days the ledger is read.
WITH step AS (
    SELECT %(step)s::numeric AS seconds, (%(step)s::numeric * 1000000)::bigint AS grid
), bounds AS (
    SELECT *, greatest(least(date_trunc('day', until, 'UTC'), until), first) AS beyond
    FROM (SELECT since, until, least(tick_from(since, interval '24 hours'), until) AS first
          FROM (SELECT %(since)s::timestamptz AS since, %(until)s::timestamptz AS until) AS span) AS start
), days AS (
    SELECT d.*, d.day::timestamp AT TIME ZONE 'UTC' AS midnight, d.grid %% step.grid = 0 AS counted
    FROM step, bounds AS b JOIN ledger_days AS d
      ON d.collector = %(collector)s AND d.day >= (b.first AT TIME ZONE 'UTC')::date
     AND d.day < (b.beyond AT TIME ZONE 'UTC')::date
), pieces AS (
    SELECT since AS first, first AS beyond FROM bounds
    UNION ALL SELECT beyond, until FROM bounds
    UNION ALL SELECT midnight, midnight + interval '24 hours' FROM days WHERE NOT counted
), good AS (
    SELECT done + CASE WHEN %(reopen)s THEN 0 ELSE empty END AS ticks FROM days WHERE counted
    UNION ALL
    SELECT found.ticks FROM pieces AS p CROSS JOIN LATERAL (
        SELECT count(*) AS ticks FROM ledger AS l
        WHERE l.collector = %(collector)s AND l.tick >= p.first AND l.tick < p.beyond
          AND l.status IN ('done', 'empty') AND NOT (%(reopen)s AND l.status = 'empty')
          AND extract(epoch FROM l.tick) %% %(step)s::numeric = 0) AS found
)
SELECT (ceil(extract(epoch FROM b.until) / step.seconds) - ceil(extract(epoch FROM b.since) / step.seconds)
    - (SELECT coalesce(sum(ticks), 0) FROM good))::bigint
FROM bounds AS b, step
