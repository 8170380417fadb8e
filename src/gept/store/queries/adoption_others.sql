-- The tables of a schema that gept neither makes nor adopts, the largest first.
SELECT c.relname::text, pg_total_relation_size(c.oid)::bigint
FROM pg_class AS c
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p', 'm') AND NOT c.relispartition
  AND NOT c.relname = ANY (%(names)s)
  AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY 2 DESC, 1
