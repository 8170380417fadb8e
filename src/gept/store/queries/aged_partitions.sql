-- The native partitions of a table that end before a moment, the oldest first.
SELECT part.oid::regclass::text AS name, bound.low, bound.high, pg_total_relation_size(part.oid)::bigint AS bytes
FROM pg_inherits i JOIN pg_class part ON part.oid = i.inhrelid,
     LATERAL (SELECT regexp_match(pg_get_expr(part.relpartbound, part.oid), 'FROM \(''(.+)''\) TO \(''(.+)''\)') AS ends) said,
     LATERAL (SELECT said.ends[1]::timestamptz AS low, said.ends[2]::timestamptz AS high) bound
WHERE i.inhparent = to_regclass(quote_ident(%(table)s)) AND bound.high <= %(before)s
ORDER BY bound.low
