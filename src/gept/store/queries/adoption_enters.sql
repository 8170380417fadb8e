-- Enter the ticks of a span whose rows were adopted. Nobody was asked for them, so none is settled, and
-- one with fewer rows than its source gives is partial. What gept has read itself stays as it is.
INSERT INTO ledger AS known (
    collector, tick, status, attempts, rows, inserted, error, first_asked_at, asked_at, committed_at, next_try_at
)
SELECT %(collector)s, {time}, CASE WHEN count(*) >= %(few)s THEN 'done' ELSE 'partial' END, 0, count(*), count(*),
    CASE WHEN count(*) < %(few)s THEN format('adopted with %%s rows, where the source gives %%s or more', count(*), %(few)s) END,
    %(now)s, %(now)s, %(now)s, CASE WHEN {time} >= %(again)s THEN %(now)s::timestamptz END
FROM {table}
WHERE {time} >= %(since)s AND {time} < %(until)s
GROUP BY {time}
ON CONFLICT (collector, tick) DO UPDATE SET
    status = excluded.status,
    attempts = 0,
    rows = excluded.rows,
    inserted = excluded.inserted,
    error = excluded.error,
    committed_at = excluded.committed_at,
    next_try_at = coalesce(known.next_try_at, excluded.next_try_at)
WHERE (known.attempts = 0 OR known.committed_at IS NULL) AND NOT known.rebuilt
