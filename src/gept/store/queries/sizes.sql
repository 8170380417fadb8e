-- How big tables are, with all their partitions: estimates of the server's own, so that no row is read.
SELECT wanted.name, to_regclass(quote_ident(wanted.name)) IS NOT NULL AS there, tree.rows, tree.size
FROM unnest(%(names)s::text[]) AS wanted(name)
CROSS JOIN LATERAL (
    WITH RECURSIVE part(oid) AS (
        SELECT to_regclass(quote_ident(wanted.name))::oid
        UNION ALL
        SELECT i.inhrelid FROM pg_inherits AS i JOIN part ON i.inhparent = part.oid
    )
    SELECT coalesce(sum(greatest(c.reltuples, pg_stat_get_live_tuples(c.oid), 0)) FILTER (WHERE c.relkind <> 'p'), 0)::bigint AS rows,
        coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint AS size
    FROM part JOIN pg_class AS c ON c.oid = part.oid) AS tree
