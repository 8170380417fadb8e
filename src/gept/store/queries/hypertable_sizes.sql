-- An estimate of 0 rows in chunks that are there means that none of them was analysed. Where compressed chunks cannot be
-- read, since the licence was changed, the estimate is not asked for: it ends the whole server (seen in 2.29.2).
SELECT h.hypertable_name::text AS name, 'hypertable' AS kind,
       CASE WHEN num_chunks = 0 THEN 0
            WHEN closed = 0 OR current_setting('timescaledb.license', true) = 'timescale' THEN nullif(approximate_row_count(found.name), 0)
       END AS rows, hypertable_size(found.name)::bigint AS bytes, num_chunks::integer AS parts, closed
FROM timescaledb_information.hypertables h, LATERAL (
    SELECT to_regclass(format('%%I.%%I', hypertable_schema, hypertable_name)) AS name) AS found, LATERAL (
    SELECT count(*)::integer AS closed FROM timescaledb_information.chunks c
    WHERE is_compressed AND c.hypertable_schema = h.hypertable_schema AND c.hypertable_name = h.hypertable_name) AS compressed
WHERE hypertable_schema = coalesce(%(schema)s, current_schema())
ORDER BY hypertable_name
