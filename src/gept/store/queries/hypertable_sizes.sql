-- An estimate of 0 rows in chunks that are there means that none of them was analysed.
-- The Apache edition is not asked for its own: on compressed chunks that function ends the server.
SELECT hypertable_name::text AS name, 'hypertable' AS kind,
       CASE WHEN num_chunks = 0 THEN 0
            WHEN current_setting('timescaledb.license') = 'apache' THEN
                (SELECT sum(reltuples) FILTER (WHERE reltuples > 0)::bigint
                 FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid WHERE inhparent = name)
            ELSE nullif(approximate_row_count(name), 0) END AS rows,
       hypertable_size(name)::bigint AS bytes, num_chunks::integer AS parts,
       (SELECT count(*)::integer FROM timescaledb_information.chunks c WHERE is_compressed
          AND c.hypertable_schema = h.hypertable_schema AND c.hypertable_name = h.hypertable_name) AS closed
FROM timescaledb_information.hypertables h, LATERAL (
    SELECT to_regclass(format('%%I.%%I', hypertable_schema, hypertable_name)) AS name) AS found
WHERE hypertable_schema = coalesce(%(schema)s, current_schema())
ORDER BY hypertable_name
