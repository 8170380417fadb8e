-- What is known of a tick, and whether a newer one or an earlier one of its day is stored. What a
-- clock that was ahead has stored in the future is no predecessor.
SELECT known.status, coalesce(known.attempts, 0) AS attempts, known.first_asked_at,
    coalesce((
        SELECT tick FROM ledger
        WHERE collector = %(collector)s AND committed_at IS NOT NULL AND tick <= %(newest)s
        ORDER BY tick DESC LIMIT 1) > %(tick)s, false) AS superseded,
    NOT EXISTS (
        SELECT FROM ledger
        WHERE collector = %(collector)s AND status = 'done'
          AND tick >= date_trunc('day', %(tick)s::timestamptz) AND tick < %(tick)s) AS first_of_day,
    (SELECT digest FROM ledger
     WHERE collector = %(collector)s AND tick = %(before)s) AS digest_before,
    known.digest, known.asked_at,
    (SELECT place FROM dropped_days
     WHERE collector = %(collector)s AND day = (%(tick)s::timestamptz AT TIME ZONE 'UTC')::date) AS archived_in
FROM (SELECT 1) AS one
LEFT JOIN ledger AS known ON known.collector = %(collector)s AND known.tick = %(tick)s
