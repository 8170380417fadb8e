-- Old tables of some names in a schema: kind, columns, keys, other indexes, who reads them, and how big they are.
-- Of a part that was never analysed the size tells its rows: a row of prices takes 60 bytes without its indexes.
SELECT c.relname::text AS name, c.relkind::text AS kind, pg_has_role(c.relowner, 'USAGE') AS ours,
    (SELECT json_object_agg(attname, format_type(atttypid, NULL) ORDER BY attnum)
     FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped) AS types,
    ARRAY(SELECT (SELECT string_agg(a.attname, ', ' ORDER BY k.place)
                  FROM unnest(i.indkey::smallint[]) WITH ORDINALITY AS k (attnum, place)
                  JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = k.attnum)
          FROM pg_index AS i WHERE i.indrelid = c.oid AND i.indisunique AND i.indpred IS NULL AND i.indexprs IS NULL
          ORDER BY 1) AS keys,
    ARRAY(SELECT i.indexrelid::regclass::text FROM pg_index AS i
          WHERE i.indrelid = c.oid AND NOT i.indisprimary ORDER BY 1) AS indexes,
    ARRAY(SELECT DISTINCT seen.ev_class::regclass::text
          FROM pg_depend AS d JOIN pg_rewrite AS seen ON seen.oid = d.objid
          WHERE d.refobjid = c.oid AND d.classid = 'pg_rewrite'::regclass AND seen.ev_class <> c.oid
          UNION
          SELECT k.conrelid::regclass::text FROM pg_constraint AS k
          WHERE k.confrelid = c.oid AND k.contype = 'f' AND k.conparentid = 0 ORDER BY 1) AS readers,
    tree.rows, tree.bytes, tree.parts
FROM pg_class AS c
CROSS JOIN LATERAL (
    WITH RECURSIVE part (oid) AS (
        SELECT c.oid UNION ALL SELECT i.inhrelid FROM pg_inherits AS i JOIN part ON i.inhparent = part.oid
    )
    SELECT coalesce(sum(CASE WHEN leaf.reltuples >= 0 THEN leaf.reltuples ELSE pg_relation_size(leaf.oid) / 60 END)
                        FILTER (WHERE leaf.relkind = 'r'), 0)::bigint AS rows,
        sum(pg_total_relation_size(leaf.oid))::bigint AS bytes,
        coalesce(array_agg(leaf.relname::text ORDER BY leaf.relname) FILTER (WHERE leaf.relkind = 'r'), '{}') AS parts
    FROM part JOIN pg_class AS leaf ON leaf.oid = part.oid
) AS tree
WHERE c.relnamespace = to_regnamespace(%(schema)s) AND c.relname = ANY (%(names)s)
ORDER BY c.relname
