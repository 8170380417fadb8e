-- What is known of a tick: its status and tries, and whether a newer one or an earlier one of its day is stored.
SELECT
    (SELECT status FROM ledger WHERE collector = %(collector)s AND tick = %(tick)s) AS status,
    coalesce((SELECT attempts FROM ledger WHERE collector = %(collector)s AND tick = %(tick)s), 0) AS attempts,
    EXISTS (SELECT FROM ledger WHERE collector = %(collector)s AND tick > %(tick)s
            AND committed_at IS NOT NULL) AS superseded,
    NOT EXISTS (SELECT FROM ledger WHERE collector = %(collector)s AND status = 'done'
                AND tick >= date_trunc('day', %(tick)s::timestamptz) AND tick < %(tick)s) AS first_of_day
