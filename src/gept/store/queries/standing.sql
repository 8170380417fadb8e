-- How a collector stands: its newest good tick, the newest with rows, and the newest asked for.
SELECT good.tick AS newest_good, stored.tick AS stored_tick, stored.committed_at,
    newest.tick, newest.status, newest.error, newest.attempts, newest.rows
FROM (SELECT 1) AS one
LEFT JOIN LATERAL (
    SELECT tick FROM ledger
    WHERE collector = %(collector)s AND status IN ('done', 'empty') AND tick <= %(newest)s
    ORDER BY tick DESC LIMIT 1) AS good ON true
LEFT JOIN LATERAL (
    SELECT tick, committed_at FROM ledger
    WHERE collector = %(collector)s AND status IN ('done', 'empty') AND status = 'done'
      AND tick <= %(newest)s
    ORDER BY tick DESC LIMIT 1) AS stored ON true
LEFT JOIN LATERAL (
    SELECT tick, status, error, attempts, rows FROM ledger
    WHERE collector = %(collector)s AND tick <= %(newest)s
    ORDER BY tick DESC LIMIT 1) AS newest ON true
