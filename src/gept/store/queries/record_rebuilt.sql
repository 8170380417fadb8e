-- Enter an hour that was made of its buckets. Nobody was asked; the source still is, as before.
INSERT INTO ledger AS known (
    collector, tick, status, rebuilt, attempts, rows, inserted, updated, removed, unchanged,
    first_asked_at, asked_at, committed_at, next_try_at
) VALUES (
    %(collector)s, %(tick)s, 'done', true, 0, %(rows)s, %(inserted)s, %(updated)s, %(removed)s, %(unchanged)s,
    %(now)s, %(now)s, %(now)s, %(now)s
)
ON CONFLICT (collector, tick) DO UPDATE SET
    status = excluded.status,
    rebuilt = true,
    rows = excluded.rows,
    inserted = excluded.inserted,
    updated = excluded.updated,
    removed = excluded.removed,
    unchanged = excluded.unchanged,
    rejected = 0,
    committed_at = excluded.committed_at,
    next_try_at = coalesce(known.next_try_at, excluded.next_try_at)
