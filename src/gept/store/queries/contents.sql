-- Every table with rows of its own or of its partitions; those of extensions are theirs to keep.
SELECT nspname::text, relname::text
FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
WHERE relkind IN ('r', 'p') AND NOT relispartition AND relpersistence <> 't'
  AND nspname !~ '^(pg_|_timescaledb_|information_schema$)'
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY 1, 2
