-- The chunks of gept's hypertables that are wholly older than a moment, the oldest first.
SELECT c.hypertable_name::text AS table, format('%%I.%%I', c.chunk_schema, c.chunk_name) AS name, c.is_compressed AS compressed
FROM timescaledb_information.chunks c JOIN timescaledb_information.hypertables h
  USING (hypertable_schema, hypertable_name)
WHERE c.hypertable_schema = current_schema() AND h.compression_enabled AND c.range_end <= %(before)s
ORDER BY c.range_start, c.hypertable_name
