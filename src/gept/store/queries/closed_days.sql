-- How the ticks of each UTC day of a span stand, the oldest day first; days of which nothing is known are left out.
SELECT known.day, known.good, known.unsettled, dropped.day IS NOT NULL AS dropped
FROM (
    SELECT (tick AT TIME ZONE 'UTC')::date AS day,
        count(*) FILTER (WHERE status IN ('done', 'empty')) AS good,
        count(*) FILTER (WHERE status IN ('done', 'empty') AND NOT settled) AS unsettled
    FROM ledger
    WHERE collector = %(collector)s AND tick >= %(since)s AND tick < %(until)s AND on_step(tick, %(step)s)
    GROUP BY 1
) AS known
LEFT JOIN dropped_days AS dropped ON dropped.collector = %(collector)s AND dropped.day = known.day
ORDER BY known.day
