-- How many ticks of a span are wanted and not good.
WITH wanted AS (
    SELECT unnest(wanted * tstzmultirange(tstzrange(%(since)s, %(until)s))) AS span, step
    FROM collectors WHERE name = %(collector)s
), ticks AS (
    SELECT sum(
        ceil(extract(epoch FROM upper(span)) / extract(epoch FROM step))
        - ceil(extract(epoch FROM lower(span)) / extract(epoch FROM step))) AS wanted,
        sum((SELECT count(*) FROM ledger
             WHERE collector = %(collector)s AND status IN ('done', 'empty')
               AND tick >= lower(span) AND tick < upper(span)
               AND extract(epoch FROM tick) %% extract(epoch FROM step) = 0)) AS good
    FROM wanted
)
SELECT coalesce(wanted - good, 0)::bigint, coalesce(wanted, 0)::bigint FROM ticks
