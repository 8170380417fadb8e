-- What is known of a tick, and whether a newer one or an earlier one of its day is stored.
SELECT known.status, coalesce(known.attempts, 0) AS attempts, known.first_asked_at,
    EXISTS (SELECT FROM ledger WHERE collector = %(collector)s AND tick > %(tick)s
            AND committed_at IS NOT NULL) AS superseded,
    NOT EXISTS (SELECT FROM ledger WHERE collector = %(collector)s AND status = 'done'
                AND tick >= date_trunc('day', %(tick)s::timestamptz) AND tick < %(tick)s) AS first_of_day
FROM (SELECT 1) AS one
LEFT JOIN ledger AS known ON known.collector = %(collector)s AND known.tick = %(tick)s
