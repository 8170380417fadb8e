-- Chunks of the new table whose time the old one has no partition for any more: it was deleted by age meanwhile.
SELECT drop_chunks(to_regclass(%(new)s), older_than => c.range_end, newer_than => c.range_start)
FROM timescaledb_information.chunks AS c
WHERE c.hypertable_schema = current_schema() AND c.hypertable_name = %(name)s
  AND EXISTS (SELECT FROM pg_class WHERE oid = to_regclass(%(old)s) AND relkind = 'p')
  AND NOT EXISTS (
    SELECT FROM pg_inherits AS i JOIN pg_class AS part ON part.oid = i.inhrelid,
        LATERAL (SELECT regexp_match(pg_get_expr(part.relpartbound, part.oid), 'FROM \(''(.+)''\) TO \(''(.+)''\)') AS ends) AS said
    WHERE i.inhparent = to_regclass(%(old)s)
      AND said.ends[1]::timestamptz < c.range_end AND said.ends[2]::timestamptz > c.range_start)
