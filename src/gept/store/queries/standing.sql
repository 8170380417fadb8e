-- How a collector stands: its newest good tick, its newest tick, and since when it is wanted.
SELECT
    (SELECT max(tick) FROM ledger
     WHERE collector = %(collector)s AND status IN ('done', 'empty')) AS newest_good,
    (SELECT max(committed_at) FROM (
        SELECT committed_at FROM ledger WHERE collector = %(collector)s AND status IN ('done', 'empty')
        ORDER BY tick DESC LIMIT 5) AS recent) AS committed_at,
    (SELECT lower(wanted) FROM collectors WHERE name = %(collector)s) AS wanted_since,
    newest.tick, newest.status, newest.error, newest.attempts, newest.rows
FROM (SELECT 1) AS one LEFT JOIN LATERAL (
    SELECT tick, status, error, attempts, rows FROM ledger
    WHERE collector = %(collector)s ORDER BY tick DESC LIMIT 1) AS newest ON true
