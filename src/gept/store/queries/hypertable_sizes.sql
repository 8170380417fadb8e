-- An estimate of 0 rows in chunks that are there means that none of them was analysed.
SELECT hypertable_name::text AS name, 'hypertable' AS kind,
       CASE WHEN num_chunks = 0 THEN 0 ELSE nullif(approximate_row_count(name), 0) END AS rows, hypertable_size(name)::bigint AS bytes, num_chunks::integer AS parts,
       (SELECT count(*)::integer FROM timescaledb_information.chunks c WHERE is_compressed
          AND c.hypertable_schema = h.hypertable_schema AND c.hypertable_name = h.hypertable_name) AS closed
FROM timescaledb_information.hypertables h, LATERAL (
    SELECT to_regclass(format('%I.%I', hypertable_schema, hypertable_name)) AS name) AS found
WHERE hypertable_schema = current_schema()
ORDER BY hypertable_name
