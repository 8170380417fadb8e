-- One thing that somebody has made in a database; none where it is empty.
SELECT what FROM (
    SELECT 1 AS rank, c.oid::regclass::text AS what FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
    WHERE nspname !~ '^(pg_|_timescaledb_|timescaledb_|information_schema$)'
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
    UNION ALL
    SELECT 2, p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace
    WHERE nspname !~ '^(pg_|_timescaledb_|timescaledb_|information_schema$)'
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
    UNION ALL
    SELECT 3, nspname FROM pg_namespace n
    WHERE nspname !~ '^(pg_|_timescaledb_|timescaledb_|information_schema$|public$|toolkit_experimental$)'
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_namespace'::regclass AND d.objid = n.oid AND d.deptype = 'e')
) things ORDER BY rank, what LIMIT 1
