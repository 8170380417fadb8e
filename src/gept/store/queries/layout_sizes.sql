-- Every table of gept that is no hypertable: estimated rows, and the size with partitions and indexes.
-- A part that was never analysed has no estimate, unless it is empty.
SELECT c.relname::text AS name, CASE c.relkind WHEN 'p' THEN 'partitions' ELSE 'plain' END AS kind,
       CASE WHEN c.relkind = 'p' AND tree.parts = 0 THEN 0 ELSE tree.rows END AS rows, tree.bytes, tree.parts
FROM pg_class c CROSS JOIN LATERAL (
    SELECT sum(CASE WHEN leaf.reltuples >= 0 THEN leaf.reltuples WHEN pg_relation_size(leaf.oid) = 0 THEN 0 END)
               FILTER (WHERE isleaf)::bigint AS rows,
           sum(pg_total_relation_size(leaf.oid))::bigint AS bytes,
           count(*) FILTER (WHERE level > 0 AND isleaf)::integer AS parts
    FROM (SELECT relid, isleaf, level FROM pg_partition_tree(c.oid) WHERE c.relkind = 'p'
          UNION ALL SELECT c.oid, true, 0 WHERE c.relkind = 'r') AS members
    JOIN pg_class leaf ON leaf.oid = relid
) AS tree
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
  AND NOT c.relname = ANY (%(hypertables)s)
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY c.relname
