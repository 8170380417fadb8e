-- Keep entries that were rejected. One that is rejected again for the same kind of reason is
-- counted; in order, so that two writers cannot wait for each other.
INSERT INTO rejected_rows AS known (collector, tick, entry, kind, reason, payload, first_at, last_at)
SELECT %(collector)s, %(tick)s, entry, kind, reason, payload, %(now)s, %(now)s
FROM unnest(%(entries)s::text[], %(kinds)s::text[], %(reasons)s::text[], %(payloads)s::text[])
     AS fresh (entry, kind, reason, payload)
ORDER BY entry, kind
ON CONFLICT (collector, tick, entry, kind) DO UPDATE SET
    reason = excluded.reason,
    payload = excluded.payload,
    last_at = greatest(known.last_at, excluded.last_at),
    times = known.times + 1
