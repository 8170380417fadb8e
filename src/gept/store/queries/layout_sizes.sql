-- Every table of gept that is no hypertable: estimated rows, and the size with partitions and indexes.
-- As on the dashboard, what the server has counted while rows were written holds until it has analysed them. Of a part with
-- neither nothing is known; that it was analysed while it was empty (no pages) tells nothing either.
SELECT c.relname::text AS name, CASE c.relkind WHEN 'p' THEN 'partitions' ELSE 'plain' END AS kind,
       CASE WHEN tree.bare THEN 0 ELSE tree.rows END AS rows, tree.bytes, tree.parts
FROM pg_class c CROSS JOIN LATERAL (
    SELECT coalesce(bool_and(pg_relation_size(leaf.oid) = 0) FILTER (WHERE isleaf), true) AS bare,
           (sum(greatest(leaf.reltuples, seen.rows)) FILTER (WHERE isleaf AND (seen.rows > 0 OR leaf.relpages > 0)))::bigint AS rows,
           sum(pg_total_relation_size(leaf.oid))::bigint AS bytes,
           count(*) FILTER (WHERE level > 0 AND isleaf)::integer AS parts
    FROM (SELECT relid, isleaf, level FROM pg_partition_tree(c.oid) WHERE c.relkind = 'p'
          UNION ALL SELECT c.oid, true, 0 WHERE c.relkind = 'r') AS members
    JOIN pg_class leaf ON leaf.oid = relid
    CROSS JOIN LATERAL pg_stat_get_live_tuples(leaf.oid) AS seen (rows)
) AS tree
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
  AND NOT c.relname = ANY (%(hypertables)s)
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY c.relname
