-- How many ticks of several spans, which end together, are wanted and not good; and how many are wanted.
SELECT coalesce(found.missing, 0), coalesce(found.wanted, 0)
FROM unnest(%(sinces)s::timestamptz[]) WITH ORDINALITY AS span (since, number)
CROSS JOIN LATERAL (
    SELECT sum(missing)::bigint AS missing, sum(wanted)::bigint AS wanted
    FROM days_of(%(collector)s, span.since, %(until)s)) AS found
ORDER BY number
