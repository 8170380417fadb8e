-- Enter a run in the ledger. What was good stays good; only what was committed moves the counts.
INSERT INTO ledger AS known (
    collector, tick, status, settled, rows, inserted, updated, removed, unchanged, rejected,
    error, first_asked_at, asked_at, committed_at, next_try_at, digest
) VALUES (
    %(collector)s, %(tick)s, %(status)s, %(settled)s, %(rows)s, %(inserted)s, %(updated)s,
    %(removed)s, %(unchanged)s, %(rejected)s, %(error)s, %(asked)s, %(asked)s, %(committed)s, %(next_try)s, %(digest)s
)
ON CONFLICT (collector, tick) DO UPDATE SET
    status = CASE
        WHEN known.status = 'done' THEN 'done'
        WHEN known.status IN ('partial', 'empty') AND excluded.committed_at IS NULL
             AND excluded.status <> 'empty' THEN known.status
        ELSE excluded.status END,
    settled = known.settled OR excluded.settled,
    rebuilt = known.rebuilt AND excluded.committed_at IS NULL,
    attempts = known.attempts + 1,
    rows = CASE WHEN excluded.committed_at IS NULL THEN known.rows ELSE excluded.rows END,
    inserted = CASE WHEN excluded.committed_at IS NULL THEN known.inserted ELSE excluded.inserted END,
    updated = CASE WHEN excluded.committed_at IS NULL THEN known.updated ELSE excluded.updated END,
    removed = CASE WHEN excluded.committed_at IS NULL THEN known.removed ELSE excluded.removed END,
    unchanged = CASE WHEN excluded.committed_at IS NULL THEN known.unchanged ELSE excluded.unchanged END,
    rejected = CASE WHEN excluded.committed_at IS NULL THEN known.rejected ELSE excluded.rejected END,
    revisions = known.revisions + CASE WHEN known.committed_at IS NULL THEN 0 ELSE excluded.updated + excluded.removed END,
    error = excluded.error,
    asked_at = excluded.asked_at,
    committed_at = coalesce(excluded.committed_at, known.committed_at),
    next_try_at = CASE WHEN known.status = 'done' AND known.settled AND NOT known.rebuilt THEN NULL
                  ELSE excluded.next_try_at END,
    digest = CASE WHEN excluded.committed_at IS NULL THEN known.digest ELSE excluded.digest END
